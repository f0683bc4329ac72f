package guidance

import (
	"slices"
	"strings"
	"testing"
)

func TestTargetValidate(t *testing.T) {
	bad := Target{Classes: []Class{{Name: "cat", Count: 0, Tokens: []int{1, 2}}, {Name: "dog", Count: 1}, {Count: 1, Tokens: []int{-1, 2}}}}
	err := bad.Validate()
	for _, want := range []string{"cat: count is 0", "dog: no token positions", "class 3: token position -1 is negative", "class 3: token position 2 belongs to cat already"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the errors do not say %q:\n%v", want, err)
		}
	}
	if err := (Target{}).Validate(); err == nil || !strings.Contains(err.Error(), "names no class") {
		t.Errorf("an empty target gives %v", err)
	}
	good := Target{Classes: []Class{{Name: "cat", Count: 2, Tokens: []int{0}}, {Name: "dog", Count: 1, Tokens: []int{8, 9}}}}
	if err := good.Validate(); err != nil || good.Instances() != 3 {
		t.Errorf("%v, %d instances, want a valid target of 3", err, good.Instances())
	}
	if at := good.Positions(); !slices.Equal(at, []int64{0, 8, 9}) {
		t.Errorf("positions %v", at)
	}
	if err := good.CheckTokens(10); err != nil {
		t.Error(err)
	}
	if err := good.CheckTokens(9); err == nil || !strings.Contains(err.Error(), "dog: token position 9 is outside") {
		t.Errorf("a sequence of nine tokens gives %v", err)
	}
}
