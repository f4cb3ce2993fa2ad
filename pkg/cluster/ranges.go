package cluster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxMachines bounds how many machines a cluster has, and so what a range expands to.
const maxMachines = 10000

// maxDigits bounds the numbers in a range, so that they fit any integer.
const maxDigits = 9

// expand gives what a range such as node[1-3,7] or rack[1-2]-node[01-12] stands for, the rightmost brackets counting
// fastest; text without brackets stands for itself. Numbers are of that base, 10 or 16, and as wide as they are
// written: 01-12 gives 01, and 8-10 gives 8.
func expand(text string, base int) ([]string, error) {
	results := []string{""}
	for text != "" {
		open := strings.IndexAny(text, "[]")
		if open < 0 {
			open = len(text)
		}
		items := []string{""}
		prefix, rest := text[:open], ""
		if open < len(text) {
			inside, after, closed := strings.Cut(text[open+1:], "]")
			switch {
			case text[open] == ']':
				return nil, errors.New("the range has a ] without a [ before it")
			case !closed:
				return nil, errors.New("the range has a [ that is not closed")
			case strings.Contains(inside, "["):
				return nil, errors.New("the range has brackets within brackets")
			}
			var err error
			if items, err = expandItems(inside, base); err != nil {
				return nil, err
			}
			rest = after
		}
		if len(results)*len(items) > maxMachines {
			return nil, fmt.Errorf("the range stands for more than %d", maxMachines)
		}
		results = product(results, prefix, items)
		text = rest
	}
	return results, nil
}

// product appends the prefix and each item to each result.
func product(results []string, prefix string, items []string) []string {
	all := make([]string, 0, len(results)*len(items))
	for _, r := range results {
		for _, item := range items {
			all = append(all, r+prefix+item)
		}
	}
	return all
}

// expandItems expands what is inside of brackets: numbers and spans of numbers, separated by commas.
func expandItems(inside string, base int) ([]string, error) {
	var items []string
	for item := range strings.SplitSeq(inside, ",") {
		first, last, isSpan := strings.Cut(item, "-")
		if !isSpan {
			last = first
		}
		span, err := expandSpan(first, last, base)
		if err != nil {
			return nil, fmt.Errorf("the range [%s] %w", cut(inside), err)
		}
		if items = append(items, span...); len(items) > maxMachines {
			return nil, fmt.Errorf("the range [%s] stands for more than %d", cut(inside), maxMachines)
		}
	}
	return items, nil
}

func expandSpan(first, last string, base int) ([]string, error) {
	from, err := parseNumber(first, base)
	if err != nil {
		return nil, err
	}
	to, err := parseNumber(last, base)
	if err != nil {
		return nil, err
	}
	padded := isPadded(first) || isPadded(last)
	switch {
	case to < from:
		return nil, fmt.Errorf("counts down from %s to %s", first, last)
	case padded && len(first) != len(last):
		return nil, fmt.Errorf("has %s and %s of different widths: write both with as many digits", first, last)
	case to-from >= maxMachines:
		return nil, fmt.Errorf("stands for more than %d", maxMachines)
	}
	span := make([]string, 0, to-from+1)
	for n := from; n <= to; n++ {
		digits := strconv.FormatUint(n, base)
		// Digits of a fixed width need their zeros; the width is that of the first number, whether or not it has any.
		if missing := len(first) - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		span = append(span, digits)
	}
	return span, nil
}

func isPadded(digits string) bool { return len(digits) > 1 && digits[0] == '0' }

func parseNumber(digits string, base int) (uint64, error) {
	if digits == "" {
		return 0, errors.New("lacks a number")
	}
	if len(digits) > maxDigits {
		return 0, fmt.Errorf("has a number of more than %d digits", maxDigits)
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return 0, fmt.Errorf("holds %s, which is no number", quote(digits))
	}
	return n, nil
}

// cut shortens a text that a message shows without quotes.
func cut(s string) string {
	if len(s) > maxQuoted {
		return strings.ToValidUTF8(s[:maxQuoted], "") + "..."
	}
	return s
}
