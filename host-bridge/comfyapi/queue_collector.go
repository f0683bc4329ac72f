package comfyapi

import "github.com/prometheus/client_golang/prometheus"

// queueCollector asks the queue for its length and its workers whenever somebody reads the metrics.
type queueCollector struct {
	queue                                         Queue
	length, history, workers, restarts, mem, busy *prometheus.Desc
}

func newQueueCollector(q Queue) *queueCollector {
	worker := []string{"worker", "host"}
	return &queueCollector{
		queue:    q,
		length:   prometheus.NewDesc("isac_queue_length", "Prompts in the queue.", []string{"state"}, nil),
		history:  prometheus.NewDesc("isac_history_length", "Prompts in the history.", nil, nil),
		workers:  prometheus.NewDesc("isac_workers", "Workers that live.", nil, nil),
		busy:     prometheus.NewDesc("isac_worker_busy", "1 while the worker runs a prompt.", worker, nil),
		restarts: prometheus.NewDesc("isac_plugin_restarts_total", "Plugins of the worker that died and were started again.", worker, nil),
		mem:      prometheus.NewDesc("isac_plugin_memory_bytes", "Resident memory of the worker's plugins.", worker, nil),
	}
}

// Describe is for the registry.
func (c *queueCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.length, c.history, c.workers, c.restarts, c.mem, c.busy} {
		to <- d
	}
}

// Collect is for the registry.
func (c *queueCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	running, pending := c.queue.Snapshot()
	gauge(c.length, float64(len(running)), "running")
	gauge(c.length, float64(len(pending)), "pending")
	gauge(c.history, float64(len(c.queue.History())))
	workers := c.queue.Workers()
	gauge(c.workers, float64(len(workers)))
	for _, w := range workers {
		busy := 0.0
		if w.PromptID != "" {
			busy = 1
		}
		gauge(c.busy, busy, w.ID, w.Host)
		to <- prometheus.MustNewConstMetric(c.restarts, prometheus.CounterValue, float64(w.PluginRestarts), w.ID, w.Host)
		gauge(c.mem, float64(w.PluginBytes), w.ID, w.Host)
	}
}
