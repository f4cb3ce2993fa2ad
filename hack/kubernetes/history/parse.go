package main

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// flag is a flag that a source file defines, and the function that does.
type flag struct {
	name, kind string
	function   string // Receiver.Name or Name
	file       string
}

// definition matches the methods of flag.FlagSet and pflag.FlagSet that define a flag.
var definition = regexp.MustCompile(`^(Bool|String|Int|Int32|Int64|Uint|Uint16|Uint32|Uint64|Float32|Float64|Duration|` +
	`StringSlice|StringArray|StringToString|IP|IPNet|IPSlice|IPMask|IntSlice|Int32Slice|Count)?(VarPF|VarP|Var|P|PF)?$`)

var flagName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9._-]*$`)

// parseDir gives the flags that the files of a directory define on Linux, or of the one file that path is.
func parseDir(path string) ([]flag, error) {
	dir, only := path, ""
	if strings.HasSuffix(path, ".go") {
		dir, only = filepath.Split(path)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	var names []string
	set := token.NewFileSet()
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		linux := build.Default
		linux.GOOS, linux.GOARCH, linux.CgoEnabled = "linux", "amd64", true
		if ok, err := linux.MatchFile(dir, name); err != nil || !ok {
			continue
		}
		f, err := parser.ParseFile(set, filepath.Join(dir, name), nil, 0)
		if err != nil {
			return nil, err
		}
		files, names = append(files, f), append(names, name)
	}
	constants := map[string]string{}
	for _, f := range files {
		addConstants(constants, f)
	}
	var flags []flag
	for i, f := range files {
		if only != "" && names[i] != only {
			continue
		}
		flags = append(flags, flagsIn(f, names[i], constants)...)
	}
	return flags, nil
}

// addConstants remembers the string constants of a file, by name.
func addConstants(constants map[string]string, f *ast.File) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if i < len(spec.Values) {
				if s, ok := text(spec.Values[i], constants); ok {
					constants[name.Name] = s
				}
			}
		}
		return true
	})
}

// flagsIn gives the flags that the functions of a file define.
func flagsIn(f *ast.File, file string, constants map[string]string) []flag {
	var flags []flag
	for _, decl := range f.Decls {
		function := ""
		if d, ok := decl.(*ast.FuncDecl); ok {
			function = d.Name.Name
			if d.Recv != nil && len(d.Recv.List) > 0 {
				function = receiver(d.Recv.List[0].Type) + "." + function
			}
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, kind, ok := define(call, constants); ok {
				flags = append(flags, flag{name: strings.ReplaceAll(name, "_", "-"), kind: kind, function: function, file: file})
			}
			return true
		})
	}
	return flags
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}

// define gives the flag that a call defines.
func define(call *ast.CallExpr, constants map[string]string) (name, kind string, ok bool) {
	at := -1
	switch f := call.Fun.(type) {
	case *ast.Ident:
		// Some lift flags of their libraries, by name: the kubelet always, others in 1.13.
		switch f.Name {
		case "register", "pflagRegister", "registerDeprecated":
			switch {
			case len(call.Args) >= 3:
				at, kind = 2, "value"
			case f.Name == "register" && len(call.Args) == 2:
				at, kind = 1, "value"
			}
		}
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		if ok && x.Name == "zap" {
			return "", "", false // zap.String is a field of a log line
		}
		if ok && x.Name == "globalflag" && f.Sel.Name == "Register" && len(call.Args) == 2 {
			at, kind = 1, "value"
			break
		}
		m := definition.FindStringSubmatch(f.Sel.Name)
		if m == nil || m[1] == "" && m[2] == "" || m[1] == "" && !strings.HasPrefix(m[2], "Var") {
			return "", "", false
		}
		kind = typeName(m[1])
		if at = 0; strings.HasPrefix(m[2], "Var") {
			at = 1
		}
		// A name, a default and a usage at the least.
		if len(call.Args) < at+2 {
			return "", "", false
		}
		if kind == "" {
			kind = valueType(call.Args[0])
		}
	}
	if at < 0 {
		return "", "", false
	}
	name, ok = text(call.Args[at], constants)
	if !ok || !flagName.MatchString(strings.ReplaceAll(name, "%s", "x")) {
		return "", "", false
	}
	return name, kind, true
}

// typeName is what pflag calls the type of a method.
func typeName(method string) string {
	switch method {
	case "":
		return ""
	case "IP":
		return "ip"
	case "IPNet", "IPSlice", "IPMask":
		return "ip" + method[2:]
	default:
		return strings.ToLower(method[:1]) + method[1:]
	}
}

// valueType names the type of the value of a flag that is a type of its own, by the constructor that makes it.
func valueType(value ast.Expr) string {
	name := ""
	ast.Inspect(value, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			for _, known := range [][2]string{
				{"MapStringBool", "mapStringBool"},
				{"MapStringString", "mapStringString"},
				{"ConfigurationMap", "mapStringString"},
				{"IPVar", "ip"},
				{"IPPortVar", "ipport"},
				{"PortRangeVar", "portRange"},
				{"NamedCertKey", "namedCertKey"},
				{"ColonSeparated", "colonSeparatedMultimapStringString"},
				{"RuntimeConfig", "mapStringString"},
				{"StringFlag", "string"},
			} {
				if strings.Contains(id.Name, known[0]) {
					name = known[1]
				}
			}
		}
		return true
	})
	if name == "" {
		return "value"
	}
	return name
}

// text gives the value of an expression of string literals and known constants.
func text(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(e.Value)
		return s, err == nil
	case *ast.Ident:
		s, ok := constants[e.Name]
		return s, ok
	case *ast.BinaryExpr:
		x, ok1 := text(e.X, constants)
		y, ok2 := text(e.Y, constants)
		return constant.StringVal(constant.BinaryOp(constant.MakeString(x), token.ADD, constant.MakeString(y))), ok1 && ok2 && e.Op == token.ADD
	case *ast.CallExpr:
		// fmt.Sprintf("audit-%s-mode", backend)
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" && len(e.Args) == 2 {
			return text(e.Args[0], constants)
		}
		return "", false
	default:
		return "", false
	}
}
