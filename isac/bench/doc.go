// Package bench measures whether guidance helps: it makes pictures of the paper's prompts with several methods from the same
// noise, has detectors count what is in them, and keeps one record a picture. Tables and plots are made from the records.
//
// Request says what to measure, NewPlan lists the pictures, OpenFolder opens the folder that the records go to, Studio makes
// pictures, and Run does the work that is still to be done. Everything may be interrupted at any moment, by kill -9 too: what
// was measured stays, and the same call goes on from there.
package bench
