package comfyapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

var jobStatuses = []string{"pending", "in_progress", "completed", "failed", "cancelled"}

// jobQuery is what a list of jobs is asked for.
type jobQuery struct {
	statuses   []string
	workflow   string
	byDuration bool
	ascending  bool
	limit      *int
	offset     int
}

// jobsError answers in the shape of this newer part of the API: a sentence under "error".
func jobsError(w http.ResponseWriter, status int, text string) error {
	answerStatus(w, status, map[string]string{"error": text})
	return nil
}

func readJobQuery(query url.Values) (q jobQuery, wrong string) {
	q.statuses, q.workflow = jobStatuses, query.Get("workflow_id")
	if given := query.Get("status"); given != "" {
		q.statuses = nil
		var unknown []string
		for part := range strings.SplitSeq(given, ",") {
			switch part = strings.ToLower(strings.TrimSpace(part)); {
			case part == "":
			case slices.Contains(jobStatuses, part):
				q.statuses = append(q.statuses, part)
			default:
				unknown = append(unknown, part)
			}
		}
		if unknown != nil {
			return q, fmt.Sprintf("Invalid status value(s): %s. Valid values: %s", strings.Join(unknown, ", "), strings.Join(jobStatuses, ", "))
		}
	}
	switch strings.ToLower(query.Get("sort_by")) {
	case "", "created_at":
	case "execution_duration":
		q.byDuration = true
	default:
		return q, "sort_by must be 'created_at' or 'execution_duration'"
	}
	switch strings.ToLower(query.Get("sort_order")) {
	case "", "desc":
	case "asc":
		q.ascending = true
	default:
		return q, "sort_order must be 'asc' or 'desc'"
	}
	limit, given, err := wholeNumber(query, "limit")
	switch {
	case err != nil:
		return q, "limit must be an integer"
	case given && limit <= 0:
		return q, "limit must be a positive integer"
	case given:
		q.limit = &limit
	}
	if q.offset, _, err = wholeNumber(query, "offset"); err != nil {
		return q, "offset must be an integer"
	}
	q.offset = max(0, q.offset)
	return q, ""
}

func (s *Server) getJobs(w http.ResponseWriter, r *http.Request) error {
	q, wrong := readJobQuery(r.URL.Query())
	if wrong != "" {
		return jobsError(w, http.StatusBadRequest, wrong)
	}
	running, pending := s.queue.Snapshot()
	jobs := []job{}
	seen := map[string]bool{}
	for _, j := range slices.Concat(jobsOf(running), jobsOf(pending), s.ended.jobs(s.queue.History())) {
		if seen[j.ID] || !slices.Contains(q.statuses, j.Status) { // one may have ended between the two looks
			continue
		}
		seen[j.ID] = true
		if q.workflow == "" || j.WorkflowID == q.workflow {
			jobs = append(jobs, j)
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int {
		order := cmp.Compare(a.Created, b.Created)
		if q.byDuration {
			order = cmp.Compare(a.duration(), b.duration())
		}
		if !q.ascending {
			order = -order
		}
		return order
	})
	total := len(jobs)
	jobs = jobs[min(q.offset, total):]
	if q.limit != nil {
		jobs = jobs[:min(*q.limit, len(jobs))]
	}
	answer(w, map[string]any{"jobs": jobs, "pagination": map[string]any{
		"offset": q.offset, "limit": q.limit, "total": total, "has_more": q.offset+len(jobs) < total,
	}})
	return nil
}

func (j job) duration() int64 {
	if j.Started == 0 || j.Ended == 0 {
		return 0
	}
	return j.Ended - j.Started
}

func (s *Server) getJob(w http.ResponseWriter, r *http.Request) error {
	record, ok := s.queue.Record(r.PathValue("id"))
	if !ok {
		return jobsError(w, http.StatusNotFound, "Job not found")
	}
	answer(w, detailOf(record))
	return nil
}

func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) error {
	cancelled, err := s.cancel(r, r.PathValue("id"))
	if err != nil {
		return err
	}
	answer(w, map[string]bool{"cancelled": cancelled})
	return nil
}

func (s *Server) cancelJobs(w http.ResponseWriter, r *http.Request) error {
	text, err := body(w, r, s.config.Limits.BodyBytes)
	if err != nil {
		return err
	}
	var given struct {
		IDs []json.RawMessage `json:"job_ids"`
	}
	switch err := json.Unmarshal(text, &given); {
	case !json.Valid(text):
		return jobsError(w, http.StatusBadRequest, "Request body must be valid JSON")
	case err != nil || given.IDs == nil:
		return jobsError(w, http.StatusBadRequest, "job_ids must be a list")
	}
	var ids, invalid []string
	for _, raw := range given.IDs {
		var id string
		if json.Unmarshal(raw, &id) != nil {
			invalid = append(invalid, string(raw))
		} else if !isUUID(id) {
			invalid = append(invalid, id)
		} else {
			ids = append(ids, id)
		}
	}
	if invalid != nil {
		answerStatus(w, http.StatusBadRequest, map[string]any{"error": "job_ids contains invalid id(s)", "invalid_ids": invalid})
		return nil
	}
	any := false
	for _, id := range ids {
		cancelled, err := s.cancel(r, id)
		if err != nil {
			return err
		}
		any = any || cancelled
	}
	answer(w, map[string]bool{"cancelled": any})
	return nil
}

// cancel takes a prompt out of the queue, or interrupts it where it runs. It may begin to run in between.
func (s *Server) cancel(r *http.Request, id string) (bool, error) {
	ctx := r.Context()
	record, ok := s.queue.Record(id)
	if !ok || record.State.Ended() {
		return false, nil
	}
	if record.State == queue.Pending {
		if err := s.queue.Delete(ctx, []string{id}); err != nil {
			return false, err
		}
		if record, ok = s.queue.Record(id); !ok {
			return true, nil
		}
	}
	if record.State != queue.Running {
		return false, nil
	}
	return true, s.queue.Interrupt(ctx, id)
}
