package zipdir

import "fmt"

// aes is the method number of WinZip's encryption (APPNOTE appendix E).
const aes = 99

// MethodError is an ErrEntry: the content's compression or encryption is not supported.
type MethodError struct {
	Method    uint16
	Encrypted bool
}

func (e *MethodError) Error() string {
	if e.Encrypted {
		return fmt.Sprintf("zipdir: the entry cannot be read: it is encrypted (method %d)", e.Method)
	}
	return "zipdir: the entry cannot be read: compressed with " + e.Name()
}

// Is reports that it is an ErrEntry.
func (e *MethodError) Is(target error) bool { return target == ErrEntry }

// Name returns the method's name (APPNOTE 4.4.5).
func (e *MethodError) Name() string {
	switch e.Method {
	case stored:
		return "Store"
	case 1:
		return "Shrink"
	case 2, 3, 4, 5:
		return "Reduce"
	case 6:
		return "Implode"
	case deflated:
		return "Deflate"
	case 9:
		return "Deflate64"
	case 10:
		return "PKWARE DCL"
	case bzipped:
		return "bzip2"
	case 14:
		return "LZMA"
	case 20, 93:
		return "Zstandard"
	case 94:
		return "MP3"
	case 95:
		return "XZ"
	case 96:
		return "JPEG"
	case 97:
		return "WavPack"
	case 98:
		return "PPMd"
	case aes:
		return "AES"
	}
	return fmt.Sprintf("método %d", e.Method)
}
