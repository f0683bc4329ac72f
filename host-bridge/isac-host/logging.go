package main

import (
	"fmt"
	"io"
	"log/slog"
)

// logging says what the long-running commands log, to standard error.
type logging struct {
	LogLevel  string `default:"info" enum:"debug,info,warn,error" env:"ISAC_LOG" help:"What is logged: ${enum}."`
	LogFormat string `default:"text" enum:"text,json" env:"ISAC_LOG_FORMAT" help:"How: ${enum}."`
}

// handler writes the log.
func (l logging) handler(to io.Writer) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.LogLevel)); err != nil {
		return nil, wrongError{fmt.Errorf("--log-level: %w", err)}
	}
	options := &slog.HandlerOptions{Level: level}
	if l.LogFormat == "json" {
		return slog.NewJSONHandler(to, options), nil
	}
	return slog.NewTextHandler(to, options), nil
}

// stderr is where the plugins' own logs go: with ours at debug, else nowhere (their last lines are in the error when one dies).
func (l logging) stderr(con *console) io.Writer {
	if l.LogLevel == "debug" {
		return con.stderr
	}
	return nil
}
