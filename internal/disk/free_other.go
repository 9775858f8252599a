//go:build !linux

package disk

import "math"

// Free takes the room for enough where the system has no portable call that tells it.
func Free(string) (free, total int64, err error) { return math.MaxInt64, math.MaxInt64, nil }
