// Rows T1, T3, T4 and M1–M3 in Go: the OpenTelemetry SDK and client_golang of Debian.
//
// The method is that of BenchHarness: the minimum and the first decile of many windows of at most a millisecond, one
// line of JSON for each result.
package main

import (
	"flag"
	"fmt"
	"runtime"
	"sort"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

var repeats = flag.Int("repeats", 400, "windows of each row")

const windowLimit = 800 * time.Microsecond

type body func(operations int)

func wants(row string) bool {
	if flag.NArg() == 0 {
		return true
	}
	for _, argument := range flag.Args() {
		if argument == row {
			return true
		}
	}
	return false
}

func window(run body, operations int) time.Duration {
	begin := time.Now()
	run(operations)
	return time.Since(begin)
}

func calibrated(most int, between func(), run body) int {
	operations := most
	for attempt := 0; attempt < 8; attempt++ {
		fastest := time.Hour
		for i := 0; i < 4; i++ {
			between()
			if taken := window(run, operations); taken < fastest {
				fastest = taken
			}
		}
		if fastest <= windowLimit || operations == 1 {
			break
		}
		operations = int(float64(operations) * 0.9 * float64(windowLimit) / float64(fastest))
		if operations < 1 {
			operations = 1
		}
	}
	return operations
}

func nothing() {}

func measure(row, name string, most int, between func(), run body) {
	operations := calibrated(most, between, run)
	var results []float64
	for i := 0; i < *repeats; i++ {
		between()
		results = append(results, float64(window(run, operations))/float64(operations))
	}
	between()
	// AllocsPerRun counts those of all goroutines; one window at a time stays within the queue.
	allocations := testing.AllocsPerRun(1, func() { run(operations) }) / float64(operations)
	report(row, name, results, 0, allocations)
}

const contendedWindow = 300 * time.Microsecond

// The CPU time of the calling thread.
func threadTime() time.Duration {
	const threadClock = 3
	var value syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&value)), 0)
	return time.Duration(value.Nano())
}

// Two goroutines on threads of their own go on until the first has had its time. A window in which a thread was off its
// core for more than a twentieth says nothing and is left out. The result is the time that one of them spends on an
// operation.
func measureContended(row, name string, run body) {
	const step = 64
	var results []float64
	// Beside other work many windows are of no use; two seconds are enough to find good ones.
	for end := time.Now().Add(2 * time.Second); len(results) < *repeats && time.Now().Before(end); {
		var arrived, over, operations int64
		var wall, cpu [2]time.Duration
		done := make(chan bool, 2)
		for index := 0; index < 2; index++ {
			go func(index int) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				var own int64
				atomic.AddInt64(&arrived, 1)
				for atomic.LoadInt64(&arrived) < 2 {
				}
				cpuBegin, begin := threadTime(), time.Now()
				for atomic.LoadInt64(&over) == 0 {
					run(step)
					own += step
					if index == 0 && time.Since(begin) >= contendedWindow {
						atomic.StoreInt64(&over, 1)
					}
				}
				wall[index], cpu[index] = time.Since(begin), threadTime()-cpuBegin
				atomic.AddInt64(&operations, own)
				done <- true
			}(index)
		}
		<-done
		<-done
		isSound := true
		for index := range wall {
			isSound = isSound && cpu[index]*20 >= wall[index]*19 && wall[index]*20 >= contendedWindow*19
		}
		if isSound {
			results = append(results, float64(wall[0]+wall[1])/float64(operations))
		}
	}
	// The median: the minimum would be the window in which the two met least.
	report(row, name, results, 0.5, -1)
}

// The share is that of the result among all in ascending order: 0 is the minimum.
func report(row, name string, results []float64, share, allocations float64) {
	if len(results) == 0 {
		fmt.Printf("{\"row\":%q,\"name\":%q,\"windows\":0}\n", row, name)
		return
	}
	sort.Float64s(results)
	line := fmt.Sprintf("{\"row\":%q,\"name\":%q,\"ns\":%.3f,\"p10\":%.3f,\"windows\":%d",
		row, name, results[int(share*float64(len(results)))], results[len(results)/10], len(results))
	if allocations >= 0 {
		line += fmt.Sprintf(",\"allocs\":%.3f", allocations)
	}
	fmt.Println(line + "}")
}

func main() {
	flag.Parse()
	if wants("T1") {
		sampledSpans()
	}
	if wants("T3") {
		unsampledSpans()
	}
	if wants("T4") {
		propagating()
	}
	if wants("M1") {
		counters()
	}
	if wants("M2") {
		histograms()
	}
	if wants("M3") {
		scrapes()
	}
}
