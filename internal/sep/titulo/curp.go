package titulo

import (
	"regexp"
	"strings"
	"time"
)

// curpForm is RENAPO's form: four letters of the name, the birth date, sex (X is
// non-binary), state of birth, three consonants, a character that depends on the century,
// and the check digit. A CURP writes Ñ as X.
var curpForm = regexp.MustCompile(`^[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX]` +
	`(?:AS|BC|BS|CC|CS|CH|CL|CM|DF|DG|GT|GR|HG|JC|MC|MN|MS|NT|NL|OC|PL|QT|QR|SP|SL|SR|TC|TS|TL|VZ|YN|ZS|NE)` +
	`[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]$`)

// ValidCURP reports whether s has the form of a CURP with a date that existed: in the
// 1900s if the 17th character is a digit, later if it is a letter. Only RENAPO knows
// whether it was assigned.
func ValidCURP(s string) bool {
	if !curpForm.MatchString(s) {
		return false
	}
	century := "20"
	if s[16] <= '9' {
		century = "19"
	}
	_, err := time.Parse("20060102", century+s[4:10])
	return err == nil
}

// curpDigit reports whether the check digit of a well-formed CURP is that of RENAPO's
// algorithm: each character's position in the alphabet (with Ñ), weighted 18 to 2, and
// the distance of the sum to the next multiple of ten.
func curpDigit(s string) bool {
	const alphabet = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ" // _ holds the place of Ñ
	sum := 0
	for i := range 17 {
		sum += strings.IndexByte(alphabet, s[i]) * (18 - i)
	}
	return int(s[17]-'0') == (10-sum%10)%10
}
