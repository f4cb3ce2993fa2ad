package payload_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"gopkg.in/yaml.v3"

	"github.com/nodekiln/nodekiln/pkg/payload"
)

func TestUserDataKeepsToTheLimit(t *testing.T) {
	text := strings.Repeat("compresses well\n", 2000)
	cfg := butane(t, "storage: {files: [{path: /small, contents: {inline: s}}, {path: /text, contents: {inline: \""+strings.ReplaceAll(text, "\n", `\n`)+"\"}}]}")
	plain, err := payload.CloudInit(cfg, lan(), payload.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(plain.UserData), "encoding: gz+b64") || len(plain.UserData) > 2000 {
		t.Errorf("%d bytes: a large text is not packed", len(plain.UserData))
	}
	packed, err := payload.CloudInit(cfg, lan(), payload.Target{UserData: len(plain.UserData) - 1})
	if err != nil {
		t.Fatal(err)
	}
	if c := unpackedConfig(t, packed.UserData); c.Files[1].Content != text || c.Files[1].Encoding != "" {
		t.Errorf("the compressed user-data has %.100q", c.Files[1].Content)
	}
	_, err = payload.CloudInit(cfg, lan(), payload.Target{UserData: len(packed.UserData) - 1})
	for _, want := range []string{
		fmt.Sprintf("of node1 is %d bytes, compressed, and the target takes %d: ", len(packed.UserData), len(packed.UserData)-1),
		"its largest files are /text (32000 bytes), /small (1 bytes)",
	} {
		if !strings.Contains(errorText(err), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// bulky is a config of files that a compressor can do little about. Each is named for its size; every fourth is secret.
func bulky(t *testing.T) types.Config {
	t.Helper()
	random := rand.NewChaCha8([32]byte{1})
	var text strings.Builder
	text.WriteString("storage:\n  files:\n")
	for i := range 12 {
		content := make([]byte, 300+100*i)
		random.Read(content)
		mode := "0644"
		if i%4 == 0 {
			mode = "0600"
		}
		fmt.Fprintf(&text, "    - {path: /size/%d, mode: %s, contents: {inline: %x}}\n", len(content), mode, content)
	}
	return butane(t, text.String())
}

func TestUserDataIsSplit(t *testing.T) {
	cfg := bulky(t)
	whole := seedOf(t, cfg, lan())
	target := payload.Target{UserData: 5000, Files: 4, FileSize: 3000}
	seed, err := payload.CloudInit(cfg, lan(), target)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := payload.CloudInit(cfg, lan(), target); err != nil || !reflect.DeepEqual(again, seed) {
		t.Errorf("a second time it is another seed: %v", err)
	}
	if len(seed.UserData) > target.UserData || len(seed.Parts) < 2 || len(seed.Parts) > target.Files {
		t.Fatalf("%d bytes of user-data and %d parts", len(seed.UserData), len(seed.Parts))
	}
	first, included := readArchive(t, seed.UserData)
	files := first.Files
	for i, p := range seed.Parts {
		if len(p.Content) > target.FileSize || i >= len(included) || included[i] != p.Path {
			t.Errorf("part %d is %s, of %d bytes; included are %q", i, p.Path, len(p.Content), included)
		}
		c := unpackedConfig(t, p.Content)
		if len(c.Files) == 0 {
			t.Errorf("nothing is in %s", p.Path)
		}
		for _, f := range c.Files {
			if f.Permissions == "0600" {
				t.Errorf("the secret %s is in %s", f.Path, p.Path)
			}
		}
		files = append(files, c.Files...)
	}
	byPath := func(a, b writtenFile) int { return strings.Compare(a.Path, b.Path) }
	slices.SortFunc(files, byPath)
	slices.SortFunc(whole.Files, byPath)
	unpacked := func(f writtenFile) writtenFile { f.Content, f.Encoding = plain(t, f), ""; return f }
	for i := range whole.Files {
		if i >= len(files) || unpacked(files[i]) != unpacked(whole.Files[i]) {
			t.Fatalf("%s is not what it is in one piece", whole.Files[i].Path)
		}
	}
	if len(files) != len(whole.Files) || !reflect.DeepEqual(first.Run, whole.Run) || !reflect.DeepEqual(first.Boot, whole.Boot) {
		t.Error("the split seed does something else than the whole one")
	}
}

func TestUserDataThatCanNotBeSplit(t *testing.T) {
	const advice = ": leave files out, or bake an image of the machine, which has no such limit; its largest files are /size/1400 (2800 bytes), "
	for name, c := range map[string]struct {
		target payload.Target
		want   string
	}{
		"nowhere":         {payload.Target{UserData: 5000}, "compressed, and the target takes 5000" + advice},
		"too few files":   {payload.Target{UserData: 5000, Files: 1, FileSize: 3000}, "; with what fits into 1 more files of 3000 bytes, and no key in them, there are still "},
		"too small files": {payload.Target{UserData: 5000, Files: 4, FileSize: 300}, "into 4 more files of 300 bytes"},
		// The secrets alone are 4,200 hexadecimal digits, which is half as much compressed.
		"secrets": {payload.Target{UserData: 2000, Files: 100, FileSize: 3000}, advice},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := payload.CloudInit(bulky(t), lan(), c.target); !strings.Contains(errorText(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// readArchive gives the cloud-config of user-data in parts, and the names that it includes.
func readArchive(t *testing.T, userData []byte) (cloudConfig, []string) {
	t.Helper()
	message, err := mail.ReadMessage(bytes.NewReader(gunzip(t, userData)))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(message.Body, params["boundary"])
	var parts [][]byte
	for {
		p, err := r.NextPart() // which decodes quoted-printable
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b)
	}
	if len(parts) != 2 {
		t.Fatalf("the archive is of %d parts", len(parts))
	}
	included := strings.Fields(string(parts[1]))
	if included[0] != "#include" {
		t.Fatalf("the include is %q", parts[1])
	}
	var c cloudConfig
	if err := yaml.Unmarshal(parts[0], &c); err != nil {
		t.Fatal(err)
	}
	return c, included[1:]
}

func unpackedConfig(t *testing.T, packed []byte) cloudConfig {
	t.Helper()
	var c cloudConfig
	if err := yaml.Unmarshal(gunzip(t, packed), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// plain gives the content of a file.
func plain(t *testing.T, f writtenFile) string {
	t.Helper()
	if f.Encoding == "" {
		return f.Content
	}
	b, err := base64.StdEncoding.DecodeString(f.Content)
	if err != nil {
		t.Fatal(err)
	}
	if f.Encoding == "gz+b64" {
		b = gunzip(t, b)
	}
	return string(b)
}

func gunzip(t *testing.T, packed []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
