package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// configuration is a kind of component configuration, and where the sources have had its type, the newest first.
type configuration struct {
	kind string
	dirs []string
}

const kinds = "staging/src/k8s.io/"

var configurations = []configuration{
	{"KubeProxyConfiguration", []string{
		kinds + "kube-proxy/config/v1alpha1", "pkg/proxy/apis/kubeproxyconfig/v1alpha1", "pkg/apis/componentconfig/v1alpha1",
	}},
	{"KubeSchedulerConfiguration", []string{
		kinds + "kube-scheduler/config/v1", kinds + "kube-scheduler/config/v1beta3", kinds + "kube-scheduler/config/v1beta2",
		kinds + "kube-scheduler/config/v1beta1", kinds + "kube-scheduler/config/v1alpha2", kinds + "kube-scheduler/config/v1alpha1",
		"pkg/apis/componentconfig/v1alpha1",
	}},
	{"KubeletConfiguration", []string{
		kinds + "kubelet/config/v1beta1", "pkg/kubelet/apis/kubeletconfig/v1beta1", "pkg/kubelet/apis/kubeletconfig/v1alpha1",
	}},
}

// libraries are the packages that have parts of the types.
var libraries = []string{
	kinds + "component-base/config/v1alpha1", kinds + "apimachinery/pkg/apis/config/v1alpha1", kinds + "apiserver/pkg/apis/config/v1alpha1",
	kinds + "component-base/logs/api/v1", kinds + "component-base/tracing/api/v1", "pkg/apis/componentconfig/v1alpha1",
}

// printFields writes fields.tsv: the fields of the configurations, as flags.tsv has flags.
func printFields(w io.Writer) error {
	h := history{}
	for i, version := range releases {
		t, err := openTree(version)
		if err != nil {
			return err
		}
		for _, c := range configurations {
			if err := h.readFields(i, t, c); err != nil {
				return fmt.Errorf("%s %s: %w", c.kind, version, err)
			}
		}
	}
	fmt.Fprintf(w, fieldsHeader, strings.Join(releases, " "))
	var minors []string
	for _, r := range releases {
		minors = append(minors, minor(r))
	}
	h.print(w, minors)
	return nil
}

const fieldsHeader = `# The fields of the components' configurations, by minor version: kind, path, how it is written, since and until as in flags.tsv.
# Made by hack/kubernetes/history from the sources of Kubernetes
# %s.
# Do not edit.
`

func (h history) readFields(release int, t *tree, c configuration) error {
	for _, dir := range c.dirs {
		structs, err := t.structs(dir)
		if err != nil {
			return err
		}
		root, ok := structs[c.kind]
		if !ok || root.struct_ == nil {
			continue
		}
		all := map[string]declared{}
		for _, library := range libraries {
			more, err := t.structs(library)
			if err != nil {
				return err
			}
			for name, d := range more {
				all[name] = d
			}
		}
		for name, d := range structs {
			all[name] = d
		}
		h.addFields(release, c.kind, "", root.struct_, all)
		return nil
	}
	return nil
}

// declared is a type of a package: a struct, or another.
type declared struct {
	struct_ *ast.StructType
	expr    ast.Expr
}

// structs gives the types that a directory declares.
func (t *tree) structs(dir string) (map[string]declared, error) {
	types := map[string]declared{}
	path, err := t.path(dir)
	if err != nil || path == "" {
		return types, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(path, e.Name()), nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				s, _ := spec.Type.(*ast.StructType)
				types[spec.Name.Name] = declared{s, spec.Type}
			}
			return true
		})
	}
	return types, nil
}

// addFields adds the fields of a struct, with those of structs below it.
func (h history) addFields(release int, kind, prefix string, s *ast.StructType, all map[string]declared) {
	for _, field := range s.Fields.List {
		if field.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json")
		name, options, _ := strings.Cut(tag, ",")
		below, isStruct := all[typeOf(field.Type)]
		isStruct = isStruct && below.struct_ != nil && isPlain(field.Type)
		switch {
		case typeOf(field.Type) == "TypeMeta" || name == "-":
		case isStruct && (name == "" || strings.Contains(options, "inline")):
			h.addFields(release, kind, prefix, below.struct_, all)
		case isStruct && strings.Count(prefix, ".") < 4:
			h.addFields(release, kind, prefix+name+".", below.struct_, all)
		case name != "":
			h.add(kind, prefix+name, written(field.Type, all), release, len(releases))
		}
	}
}

// typeOf gives the name of a type, without a package or a pointer.
func typeOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeOf(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func isPlain(e ast.Expr) bool {
	switch e.(type) {
	case *ast.ArrayType, *ast.MapType:
		return false
	}
	return true
}

// written names how a value of a type is written in a Field of pkg/kube.
func written(e ast.Expr, all map[string]declared) string {
	switch e := e.(type) {
	case *ast.ArrayType:
		if written(e.Elt, all) == "string" {
			return "list"
		}
		return "yaml"
	case *ast.MapType:
		if value := written(e.Value, all); slices.Contains([]string{"string", "bool"}, value) {
			return "map[" + value + "]"
		}
		return "yaml"
	}
	name := typeOf(e)
	switch name {
	case "string", "bool":
		return name
	case "Duration", "TimeOrMetaDuration":
		return "duration"
	case "int", "int32", "int64", "uint", "uint32", "uint64", "VerbosityLevel":
		return "int"
	case "float32", "float64":
		return "float"
	}
	if d, ok := all[name]; ok && d.struct_ == nil {
		return written(d.expr, all)
	}
	return "yaml"
}
