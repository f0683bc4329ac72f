// Package e2e tests the built programs from outside: images come out, whatever breaks is said, and nothing is left behind.
//
//	go test ./e2e        builds isac-plugin and isac-host and runs them on the mini model
//
// It needs the shim (make shim) and libtorch; without them it is skipped, unless ISAC_REQUIRE_TORCH is set.
package e2e
