package cluster

// usual is what ISAC clusters with.
var usual = Options{Iterations: 25, Restarts: 60, Warm: true}
