// Package queue carries prompts from the API server to workers, and what becomes of them back: who runs what, and what happens when a
// process dies.
//
//	client ─Put→ ledger ─claim→ worker
//	               ↑               │
//	               └─ events, end ─┘
//
// A prompt is one record, from pending over running to its end: what a client calls queue and history are two views of the same
// records, so that no prompt is ever in both or in neither.
//
// The API server alone has the records: it holds them in memory, writes every change into its data folder before it says that the change
// is made (package store), and is the only one who writes. Workers ask it over NATS, in the process or over the network: for a
// prompt to run (claim), to be known as alive (beat), with what they make (packages events and store). NATS keeps nothing: it is how they
// reach each other, and one that goes away and comes back has lost nothing but what was on its way, which is asked for again.
//
// Every question can be asked twice. A worker runs one prompt at a time, so one that claims while the ledger says that it runs a prompt
// has not heard the answer before, and hears it again. The end of a run names its worker and its attempt, and counts once. So a lost
// answer costs time alone.
//
// A worker holds a lease, renewed by every beat; the one whose lease is over loses its prompt to another, or, after several deaths over one
// prompt, the prompt ends. The answer to a beat says whether the prompt that it runs is still its own and wanted, so that a
// message about an interruption that is lost is made up for.
//
// The ledger does not lie in NATS, where it lay before, for what was deleted there came back after a crash: see package store. What is
// found there of that version is brought over once (package migrate).
package queue
