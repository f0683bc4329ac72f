package comfyapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/isac-guidance/isac/host-bridge/message"
	"github.com/isac-guidance/isac/host-bridge/queue"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics count what happens. Each server has its own registry.
type metrics struct {
	registry *prometheus.Registry
	handler  http.Handler

	runs        *prometheus.CounterVec
	runSeconds  prometheus.Histogram
	waitSeconds prometheus.Histogram
	steps       prometheus.Counter
	guided      prometheus.Counter
	stepSeconds prometheus.Histogram
	requests    *prometheus.CounterVec
	dropped     prometheus.Counter
	closed      prometheus.Counter

	mu sync.Mutex
	// at is how far the nodes of each prompt are that runs, by prompt and node.
	at map[string]map[string]reached
}

// reached is the progress of a node and when it came.
type reached struct {
	value int
	when  time.Time
}

func newMetrics(q Queue) *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), at: map[string]map[string]reached{}}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		m.registry.MustRegister(h)
		return h
	}
	m.runs = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "isac_runs_total", Help: "Prompts that ended, by outcome."}, []string{"outcome"})
	for _, outcome := range []queue.State{queue.Success, queue.Failed, queue.Interrupted} {
		m.runs.WithLabelValues(string(outcome)) // a zero is better than nothing
	}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "isac_http_requests_total", Help: "Requests, by route and status."}, []string{"route", "status"})
	m.registry.MustRegister(m.runs, m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newQueueCollector(q))
	m.runSeconds = histogram("isac_run_seconds", "Time from the start of a prompt to its end.", prometheus.ExponentialBuckets(0.05, 2.5, 12))
	m.waitSeconds = histogram("isac_wait_seconds", "Time that a prompt waited in the queue.", prometheus.ExponentialBuckets(0.01, 4, 10))
	m.stepSeconds = histogram("isac_step_seconds", "Time of one step of a node that reports progress, such as a sampler.", prometheus.ExponentialBuckets(0.005, 2, 14))
	m.steps = counter("isac_steps_total", "Steps of nodes that report progress, such as samplers.")
	m.guided = counter("isac_guided_steps_total", "Steps that ISAC guided.")
	m.dropped = counter("isac_previews_dropped_total", "Previews that were not sent because a newer one came or the socket was behind.")
	m.closed = counter("isac_sockets_closed_total", "Sockets that were closed because they did not keep up.")
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

func (m *metrics) sockets(count func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "isac_sockets", Help: "WebSockets that are open."}, count))
}

func (m *metrics) previewDropped() { m.dropped.Inc() }
func (m *metrics) socketClosed()   { m.closed.Inc() }

func (m *metrics) request(route string, status int) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
}

func (s *Server) getMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// hear counts a notice.
func (m *metrics) hear(n queue.Notice) {
	switch {
	case n.Message != nil:
		m.message(n.Record.ID, *n.Message)
	case n.Ended:
		m.ended(n.Record)
	}
}

func (m *metrics) message(id string, msg message.Message) {
	switch msg.Type {
	case "execution_start": // a second attempt begins anew
		m.forget(id)
	case "isac_step":
		m.guided.Inc()
	case "executing":
		var e message.Executing
		if json.Unmarshal(msg.Data, &e) == nil && e.Node != nil {
			m.step(id, *e.Node, 0, false)
		}
	case "progress":
		var p message.Progress
		if json.Unmarshal(msg.Data, &p) == nil {
			m.step(id, p.Node, p.Value, true)
		}
	}
}

// step notes how far a node is. The time to its first step is not counted as one: it holds the loading of a model, too.
func (m *metrics) step(id, node string, value int, counts bool) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	nodes := m.at[id]
	if nodes == nil {
		nodes = map[string]reached{}
		m.at[id] = nodes
	}
	before, ok := nodes[node]
	nodes[node] = reached{value: value, when: now}
	if done := value - before.value; counts && ok && done > 0 {
		m.steps.Add(float64(done))
		if before.value > 0 {
			m.stepSeconds.Observe(now.Sub(before.when).Seconds() / float64(done))
		}
	}
}

func (m *metrics) forget(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.at, id)
}

func (m *metrics) ended(r *queue.Record) {
	m.forget(r.ID)
	m.runs.WithLabelValues(string(r.State)).Inc()
	if !r.Started.IsZero() {
		m.waitSeconds.Observe(max(0, r.Started.Sub(r.Created).Seconds()))
		if !r.Ended.IsZero() {
			m.runSeconds.Observe(max(0, r.Ended.Sub(r.Started).Seconds()))
		}
	}
}
