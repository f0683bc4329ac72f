// Package store keeps what lasts, in the API server's data folder: a journal of records and values, and files.
//
// The journal is one file with one writer. A record is appended whole, with checksums over each part of it and over its place, and is on the
// disk when Put returns. What is deleted gets an entry that says so, and neither leaves the file before the other: they are dropped
// together when a snapshot of what is left takes the file's place, by a rename. So nothing that was deleted can come back, however the
// process ends and however long it waits: there is no marker that expires, no limit that drops one entry and keeps an older one, and
// no index that has to be written in time.
//
// Why not a store that exists. NATS JetStream, which held this before, drops older revisions of a key by limit without a trace and lets the
// mark of a deletion expire; a rebuild from its blocks then takes the record before the deletion for the newest (nats-server
// issue 8505). bbolt falls back to the state before the last change when the page of that change is damaged, without a word, and
// ends the process when another page is. SQLite checks structure, not content. The queue holds all its records in memory anyway
// and needs neither search nor transactions over several keys: an appended file with checksums is enough, and it can say of every
// byte whether it is as it was written.
//
// Files lie where a person looks for them, in the folders output, input and temp of the data folder, and nowhere else: the folders are
// the list. Workers send them over NATS (Remote, Receive), on this machine and from others in the same way.
package store
