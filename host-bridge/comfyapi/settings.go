package comfyapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"unicode/utf8"
)

// settingsOf gives a user's settings by their ids.
func (s *Server) settingsOf(ctx context.Context, user string) (map[string]json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	text, _, err := s.settings.Get(ctx, user)
	if notThere(err) {
		return settings, nil
	}
	if err != nil {
		return nil, err
	}
	return settings, json.Unmarshal(text, &settings)
}

func (s *Server) getSettings(w http.ResponseWriter, r *http.Request) error {
	user, err := s.user(r, http.StatusUnauthorized)
	if err != nil {
		return err
	}
	settings, err := s.settingsOf(r.Context(), user)
	if err != nil {
		return err
	}
	answer(w, settings)
	return nil
}

func (s *Server) getSetting(w http.ResponseWriter, r *http.Request) error {
	user, err := s.user(r, http.StatusUnauthorized)
	if err != nil {
		return err
	}
	settings, err := s.settingsOf(r.Context(), user)
	if err != nil {
		return err
	}
	value, ok := settings[r.PathValue("id")]
	if !ok {
		value = json.RawMessage("null")
	}
	answerText(w, http.StatusOK, value)
	return nil
}

func (s *Server) postSettings(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.BodyBytes, false)
	if err != nil {
		return err
	}
	return s.merge(w, r, members)
}

func (s *Server) postSetting(w http.ResponseWriter, r *http.Request) error {
	text, err := body(w, r, s.config.Limits.BodyBytes)
	if err != nil {
		return err
	}
	if text = bytes.TrimSpace(text); !json.Valid(text) || !utf8.Valid(text) {
		return wrong("the body is no JSON value: %.40q", text)
	}
	return s.merge(w, r, map[string]json.RawMessage{r.PathValue("id"): text})
}

// merge writes settings beside those that are there.
func (s *Server) merge(w http.ResponseWriter, r *http.Request, changes map[string]json.RawMessage) error {
	user, err := s.user(r, http.StatusUnauthorized)
	if err != nil {
		return err
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	settings, err := s.settingsOf(r.Context(), user)
	if err != nil {
		return err
	}
	maps.Copy(settings, changes)
	text := jsonOf(settings)
	if int64(len(text)) > s.config.Limits.BodyBytes {
		return wrongStatus(http.StatusRequestEntityTooLarge, "all settings together would have %d bytes, and %s are kept", len(text), bytesText(s.config.Limits.BodyBytes))
	}
	if err := s.settings.Put(r.Context(), user, text); err != nil {
		return err
	}
	done(w)
	return nil
}
