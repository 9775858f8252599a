package titulo

import (
	"regexp"
	"strings"
	"time"
)

// curpForm is RENAPO's form: four letters of the name, the birth date, sex
// (X is non-binary), state of birth, three consonants, a character that tells
// the century apart and the check digit. Ñ is written X in a CURP.
var curpForm = regexp.MustCompile(`^[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX]` +
	`(?:AS|BC|BS|CC|CS|CH|CL|CM|DF|DG|GT|GR|HG|JC|MC|MN|MS|NT|NL|OC|PL|QT|QR|SP|SL|SR|TC|TS|TL|VZ|YN|ZS|NE)` +
	`[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]$`)

// ValidCURP tells whether s has the form of a CURP, its date being a day that
// existed: in the 1900s when the 17th character is a digit, later when it is a
// letter. RENAPO alone knows whether it was given to anyone.
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

// curpDigit tells whether the check digit of a CURP of the right form is what
// RENAPO's algorithm gives: each character's place in the alphabet (Ñ
// included), weighted 18 to 2, the sum's distance to the next ten.
func curpDigit(s string) bool {
	const alphabet = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ" // _ holds the place of Ñ
	sum := 0
	for i := range 17 {
		sum += strings.IndexByte(alphabet, s[i]) * (18 - i)
	}
	return int(s[17]-'0') == (10-sum%10)%10
}
