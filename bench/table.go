package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// row is one line of a table. Empty cells are printed as a dash.
type row struct{ measure, value, reference, ratio, goal, met string }

// info is a row that is there to be compared with.
func info(measure, value string) row { return row{measure: measure, value: value} }

// against compares value with reference, both already formatted, by their ratio,
// which should be at most goal.
func against(measure, value, reference string, ratio, goal float64) row {
	return row{measure, value, reference, fmt.Sprintf("%.2f", ratio), fmt.Sprintf("≤ %.2f", goal), yes(ratio <= goal)}
}

// atMost holds a number against an absolute goal.
func atMost(measure string, value, goal float64, format string) row {
	return row{measure: measure, value: fmt.Sprintf(format, value), goal: "≤ " + fmt.Sprintf(format, goal), met: yes(value <= goal)}
}

func atLeast(measure string, value, goal float64, format string) row {
	return row{measure: measure, value: fmt.Sprintf(format, value), goal: "≥ " + fmt.Sprintf(format, goal), met: yes(value >= goal)}
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "**no**"
}

func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| measure | value | reference | ratio | goal | met |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		for _, cell := range []string{r.measure, r.value, r.reference, r.ratio, r.goal, r.met} {
			if cell == "" {
				cell = "–"
			}
			b.WriteString("| " + cell + " ")
		}
		b.WriteString("|\n")
	}
	return b.String()
}

// quantile returns the value below which q of the sample lies; NaN is not
// expected and an empty sample is zero.
func quantile(sample []float64, q float64) float64 {
	if len(sample) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(sample))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// median is the middle value, or the mean of the two in the middle.
func median(sample []float64) float64 {
	sorted := slices.Sorted(slices.Values(sample))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

func seconds(s float64) string { return fmt.Sprintf("%.3f s", s) }

func millis(s float64) string { return fmt.Sprintf("%.3f ms", s*1e3) }

func since(started time.Time) float64 { return time.Since(started).Seconds() }
