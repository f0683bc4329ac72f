package graph

import (
	"cmp"
	"container/heap"
	"errors"
	"slices"
)

// Plan is what of a workflow runs, in the order in which it runs.
type Plan struct {
	Tasks []*Task

	workflow *Workflow
}

// Task is one node to run.
type Task struct {
	Node   *Node
	Schema *Schema
	// Values are the converted constants and the links (type Link), by input. Inputs that the class does not know are not
	// among them.
	Values map[string]any
}

// Plan orders the outputs that can run and what they need. The error is an *InvalidError where nothing can run.
func (r *Report) Plan() (*Plan, error) {
	if len(r.Outputs) == 0 {
		if r.Clean() {
			return nil, errors.New("no report of Validate: it has no outputs")
		}
		return nil, &InvalidError{Report: r}
	}
	q := newQueue(r)
	p := &Plan{workflow: r.workflow}
	for q.Len() > 0 {
		n := heap.Pop(q).(*pending)
		p.Tasks = append(p.Tasks, &Task{Node: n.node, Schema: r.schemas[n.node.Class], Values: r.values[n.node]})
		for _, user := range n.users {
			if user.waits--; user.waits == 0 {
				heap.Push(q, user)
			}
		}
	}
	return p, nil
}

// pending is a node that waits for the nodes that it takes outputs of.
type pending struct {
	node  *Node
	waits int
	users []*pending
	// hops is the way to the nearest output node, 3 and more being one: the shorter, the sooner.
	hops int
	// found is when the node was discovered, going from the outputs along the inputs.
	found int
}

const farthest = 3

// queue holds the nodes that are ready. Of these the next one is as in ComfyUI, which people are used to: an output node, else
// one that feeds an output node, else one that feeds such a one, so that pictures appear as soon as they can; else
// the one that was found first. The same workflow always gives the same order.
type queue []*pending

func newQueue(r *Report) *queue {
	nodes := map[*Node]*pending{}
	var order []*pending
	for _, id := range r.Outputs {
		output, _ := r.workflow.Node(id)
		for todo := []*Node{output}; len(todo) > 0; {
			n := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if nodes[n] != nil {
				continue
			}
			p := &pending{node: n, found: len(order), hops: farthest}
			nodes[n] = p
			order = append(order, p)
			todo = append(todo, ancestors(r, n)...) // the last one comes first, as in ComfyUI
		}
	}
	for _, p := range order {
		for _, from := range ancestors(r, p.node) {
			nodes[from].users = append(nodes[from].users, p)
			p.waits++
		}
	}
	q := &queue{}
	for _, p := range order {
		if r.schemas[p.node.Class].Output {
			p.near(0, nodes, r)
		}
	}
	for _, p := range order {
		if p.waits == 0 {
			heap.Push(q, p)
		}
	}
	return q
}

// near notes how near the node, and what it needs, is to an output.
func (p *pending) near(hops int, nodes map[*Node]*pending, r *Report) {
	if p.hops <= hops {
		return
	}
	p.hops = hops
	for _, from := range ancestors(r, p.node) {
		nodes[from].near(hops+1, nodes, r) // ends at farthest
	}
}

// ancestors are the nodes that a valid node takes outputs of, each once, in the order in which the workflow gives its inputs;
// of several inputs from one node the last one counts.
func ancestors(r *Report, n *Node) []*Node {
	var found []*Node
	values := r.values[n]
	for _, in := range n.Inputs {
		if link, ok := values[in.Name].(Link); ok {
			from, _ := r.workflow.Node(link.Node)
			found = append(slices.DeleteFunc(found, func(n *Node) bool { return n == from }), from)
		}
	}
	return found
}

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].hops, q[j].hops), cmp.Compare(q[i].found, q[j].found)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for package heap.
func (q *queue) Push(x any) { *q = append(*q, x.(*pending)) }

// Pop is for package heap.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
