package cluster

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	for _, tt := range []struct {
		text string
		base int
		want string
	}{
		{"node", 10, "node"},
		{"node[1-3]", 10, "node1 node2 node3"},
		{"node[8-11]", 10, "node8 node9 node10 node11"},
		{"node[08-11]", 10, "node08 node09 node10 node11"},
		{"node[1,3,5-7]", 10, "node1 node3 node5 node6 node7"},
		{"node[0]", 10, "node0"},
		{"10.1.10.[102-104]", 10, "10.1.10.102 10.1.10.103 10.1.10.104"},
		{"r[1-2]-n[1-3]-x", 10, "r1-n1-x r1-n2-x r1-n3-x r2-n1-x r2-n2-x r2-n3-x"},
		{"52:54:00:00:00:[0e-11]", 16, "52:54:00:00:00:0e 52:54:00:00:00:0f 52:54:00:00:00:10 52:54:00:00:00:11"},
		{"[0A-0C]", 16, "0a 0b 0c"},
	} {
		got, err := expand(tt.text, tt.base)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		}
		if diff := cmp.Diff(strings.Fields(tt.want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestExpandIsBounded(t *testing.T) {
	if list, err := expand("n[1-"+strconv.Itoa(maxMachines)+"]", 10); err != nil || len(list) != maxMachines {
		t.Errorf("the largest range gives %d, %v", len(list), err)
	}
	for _, text := range []string{
		"n[1-10001]", "n[1-999999999]", "n[1-101][1-100]", "n[1-9999,1-2]", strings.Repeat("[1-10]", 1000),
		"n[" + strings.Repeat("1,", maxMachines) + "1]",
	} {
		if list, err := expand(text, 10); err == nil {
			t.Errorf("%.40s gives %d", text, len(list))
		}
	}
}

func TestAlternatives(t *testing.T) {
	known := []string{"name", "machines", "gateway", "dns"}
	for given, want := range map[string]string{
		"nmae":                     "did you mean name?",
		"Machine":                  "did you mean machines?",
		"gatway":                   "did you mean gateway?",
		"xyz":                      "expected one of name, machines, gateway, dns",
		"d":                        "did you mean dns?",
		strings.Repeat("n", 1<<20): "expected one of name, machines, gateway, dns",
		"":                         "expected one of name, machines, gateway, dns",
	} {
		if got := alternatives(given, known); got != want {
			t.Errorf("%.20q: got %s, want %s", given, got, want)
		}
	}
}

func TestParseSizeKeepsItsUnits(t *testing.T) {
	for text, want := range map[string]int64{"1M": 1 << 20, "1024K": 1 << 20, "20G": 20 << 30, "20Gi": 20 << 30, "20GiB": 20 << 30, "2T": 2 << 40} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, n := range []int64{1 << 20, 3 << 20, 1 << 30, 5 << 40, 1025 << 20} {
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Errorf("%d is written %s and read %d, %v", n, formatSize(n), got, err)
		}
	}
}

func TestCheckHashTakesWhatCryptMakes(t *testing.T) {
	// Made by crypt(3) of libxcrypt 4.4 from published passwords.
	for _, hash := range []string{
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$6foLM1JhGupouWKMU70wxK61Kw9ZnecbACjJwRadqM2",
		"$gy$j9T$F5Jx5fExrKuPp53xLKQ..1$swDwqc9roxMj9t43.TdN6v6uEgFlLv6oDhMVx4g6bhA",
		"$2b$05$abcdefghijklmnopqrstuuhKF09ZYWwH2zP/0fwE1X8e/Q1YNx/hO",
		"$7$CU..../....abcdefghijklmnop$HGqqwmSOvSe.xhCn7qqy2pydXhCwdkuM.bb6BMJGMo/",
		"$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
		"$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
	} {
		if err := checkHash(hash); err != nil {
			t.Errorf("%s: %v", hash, err)
		}
		if checkHash(hash[:len(hash)-1]) == nil {
			t.Errorf("%s is taken with its last character missing", hash)
		}
	}
}
