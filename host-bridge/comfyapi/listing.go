package comfyapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/isac-guidance/isac/host-bridge/queue"
)

func (s *Server) getQueue(w http.ResponseWriter, _ *http.Request) error {
	running, pending := s.queue.Snapshot()
	answer(w, map[string][]json.RawMessage{"queue_running": items(running), "queue_pending": items(pending)})
	return nil
}

func items(records []*queue.Record) []json.RawMessage {
	list := make([]json.RawMessage, len(records))
	for i, r := range records {
		list[i] = item(r)
	}
	return list
}

// postQueue removes pending prompts: {"clear": true}, {"delete": [ids]}.
func (s *Server) postQueue(w http.ResponseWriter, r *http.Request) error {
	clear, ids, err := s.removal(w, r)
	if err != nil {
		return err
	}
	if clear {
		err = s.queue.Delete(r.Context(), nil)
	} else if len(ids) > 0 {
		err = s.queue.Delete(r.Context(), ids)
	}
	if err == nil {
		done(w)
	}
	return err
}

// postHistory removes ended prompts: {"clear": true}, {"delete": [ids]}.
func (s *Server) postHistory(w http.ResponseWriter, r *http.Request) error {
	clear, ids, err := s.removal(w, r)
	if err != nil {
		return err
	}
	if clear {
		err = s.queue.Forget(r.Context(), nil)
	} else if len(ids) > 0 {
		err = s.queue.Forget(r.Context(), ids)
	}
	if err == nil {
		done(w)
	}
	return err
}

func (s *Server) removal(w http.ResponseWriter, r *http.Request) (clear bool, ids []string, err error) {
	members, err := object(w, r, s.config.Limits.BodyBytes, false)
	if err != nil {
		return false, nil, err
	}
	_, err = field(members, "delete", &ids, "a list of ids of prompts")
	return truth(members["clear"]), ids, err
}

func (s *Server) getHistory(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	most, limited, err := wholeNumber(query, "max_items")
	if err != nil {
		return err
	}
	offset, given, err := wholeNumber(query, "offset")
	if err != nil {
		return err
	}
	if !given {
		offset = -1
	}
	records := s.queue.History()
	if offset < 0 && limited { // the last ones
		offset = len(records) - most
	}
	records = records[min(max(offset, 0), len(records)):]
	if limited {
		records = records[:min(max(most, 0), len(records))]
	}
	out := ordered{}
	for _, record := range records {
		out.add(record.ID, jsonOf(historyOf(record)))
	}
	answerText(w, http.StatusOK, out.text())
	return nil
}

// getHistoryOf gives one entry, or an object with nothing in it where the prompt has not ended.
func (s *Server) getHistoryOf(w http.ResponseWriter, r *http.Request) error {
	out := ordered{}
	if record, ok := s.queue.Record(r.PathValue("id")); ok && record.State.Ended() {
		out.add(record.ID, jsonOf(historyOf(record)))
	}
	answerText(w, http.StatusOK, out.text())
	return nil
}

// interrupt stops what runs, or one prompt if that runs.
func (s *Server) interrupt(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.BodyBytes, true)
	if err != nil {
		return err
	}
	var id string
	given, err := field(members, "prompt_id", &id, "the id of a prompt")
	if err != nil {
		return err
	}
	if given && id != "" {
		if record, ok := s.queue.Record(id); !ok || record.State != queue.Running {
			done(w)
			return nil
		}
	}
	if err := s.queue.Interrupt(r.Context(), id); err != nil {
		return err
	}
	done(w)
	return nil
}

// free has the workers give memory back.
func (s *Server) free(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.BodyBytes, true)
	if err != nil {
		return err
	}
	unload, memory := truth(members["unload_models"]), truth(members["free_memory"])
	if unload || memory {
		if err := s.queue.Free(r.Context(), unload, memory); err != nil {
			return err
		}
	}
	done(w)
	return nil
}

// wholeNumber reads a number of the query.
func wholeNumber(query url.Values, name string) (n int, given bool, err error) {
	if !query.Has(name) {
		return 0, false, nil
	}
	if n, err = strconv.Atoi(query.Get(name)); err != nil {
		return 0, false, wrong("%s is %s; expected a whole number", name, quoted(query.Get(name)))
	}
	return n, true, nil
}
