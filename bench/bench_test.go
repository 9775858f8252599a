package main

import (
	"math"
	"os"
	"strings"
	"testing"
)

func TestMedian_WhenEvenIsTheMeanOfTheMiddle(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		sample []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 100}, 3.5}} {
		if got := median(tc.sample); got != tc.want {
			t.Errorf("median(%v) = %v, want %v", tc.sample, got, tc.want)
		}
	}
}

func TestQuantile_WhenSortedTakesTheRightOne(t *testing.T) {
	t.Parallel()
	sample := make([]float64, 1000)
	for i := range sample {
		sample[999-i] = float64(i)
	}
	for q, want := range map[float64]float64{0: 0, .5: 500, .99: 990, 1: 999} {
		if got := quantile(sample, q); got != want {
			t.Errorf("quantile(%v) = %v, want %v", q, got, want)
		}
	}
}

func TestTable_WhenAGoalIsMissedSaysSo(t *testing.T) {
	t.Parallel()
	got := table([]row{against("a", "3 s", "2 s", 1.5, 1.2), against("b", "1 s", "1 s", 1, 1.2), atLeast("c", 80, 85, "%.0f"), info("d", "x")})
	for _, want := range []string{
		"| a | 3 s | 2 s | 1.50 | ≤ 1.20 | **no** |", "| b | 1 s | 1 s | 1.00 | ≤ 1.20 | yes |",
		"| c | 80 | – | – | ≥ 85 | **no** |", "| d | x | – | – | – | – |",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("no line %q in\n%s", want, got)
		}
	}
}

func TestUsage_WhenTheProcessWorksCountsIt(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	before := usageOf("self")
	held := make([]byte, 64<<20)
	for started := cpuSeconds(); cpuSeconds()-started < 0.2; { // not by the clock: others may have the processor
		for i := 0; i < len(held); i += 4096 {
			held[i]++
		}
	}
	after := usageOf("self")
	if after.cpu-before.cpu < 0.05 {
		t.Errorf("200 ms of work were counted as %v s", after.cpu-before.cpu)
	}
	if after.rss-before.rss < 60 || after.peak < after.rss {
		t.Errorf("64 MiB more were counted as %.0f MiB, peak %.0f of %.0f", after.rss-before.rss, after.peak, after.rss)
	}
	if held[0] == 0 {
		t.Error("the work was not done")
	}
	if gone := usageOf("0"); !math.IsNaN(gone.cpu) || !math.IsNaN(gone.rss) {
		t.Errorf("a process that is not there has usage %+v", gone)
	}
}

func TestMissingProc_WhenUnknownDoesNotMeetAGoal(t *testing.T) {
	t.Parallel()
	if r := atMost("m", math.NaN(), 1, "%.0f"); r.met == "yes" {
		t.Errorf("what could not be measured met its goal: %+v", r)
	}
}
