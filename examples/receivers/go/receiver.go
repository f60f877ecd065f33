// A receiver of webhooks, with the standard library of Go alone.
//
//	PORT=8080 WEBHOOK_SECRET=whsec_... BEARER_SECRET=... VALIDATION_KEY=... go run receiver.go
//
// It answers three kinds of webhook at three paths (../README.md) and prints one line for each request. In production
// it stands behind a proxy that speaks TLS.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBody   = 2 << 20
	tolerance = 5 * time.Minute
)

var antParameters = []string{"smsId", "destination", "sendTime", "sendResult", "dr", "smsCount"}

// answer is what the sender gets, and what the line of the request says.
type answer struct {
	status int
	note   string
	json   any
	allow  string
}

type receiver struct {
	signingKey    []byte
	bearerSecret  string
	validationKey string

	// Ids of events that are done. In production: a table with a unique key, written in the transaction that does the
	// work, and kept for a week; then it outlives a restart and two processes.
	mutex sync.Mutex
	done  map[string]bool
}

// --- A delivery report of ANT: GET with six parameters. --------------------------------------------------------------

func antReport(request *http.Request) answer {
	parameters := request.URL.Query()
	for _, name := range antParameters {
		if !parameters.Has(name) { // a value may be empty, a parameter may not be absent
			return answer{status: 400, note: name + " is missing"}
		}
	}
	// Put the report into a queue or a table here, and answer; work on it afterwards.
	return answer{status: 200, note: request.URL.RawQuery}
}

// --- A signed event: POST with a JSON body, as Standard Webhooks describes it. ---------------------------------------

// whyNotVerified is nil if the request is the sender's and not an old one.
func whyNotVerified(key []byte, header http.Header, body []byte, now time.Time) *answer {
	id := header.Get("webhook-id")
	timestamp := header.Get("webhook-timestamp")
	signatures := header.Get("webhook-signature")
	if id == "" || timestamp == "" || signatures == "" {
		return &answer{status: 400, note: "not signed"}
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return &answer{status: 400, note: "webhook-timestamp is no number"}
	}
	if now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return &answer{status: 401, note: "too old or from the future"}
	}

	// The signature is over the bytes as they came: JSON that was parsed and written again is other bytes.
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	expected := mac.Sum(nil)
	// While a secret is being changed there is one signature for the new and one for the old, with a space between.
	for _, signature := range strings.Split(signatures, " ") {
		version, value, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(value)
		// Equal takes as long for a near miss as for a far one, so that nobody can guess byte by byte.
		if err == nil && version == "v1" && hmac.Equal(given, expected) {
			return nil
		}
	}
	return &answer{status: 401, note: "no signature matches"}
}

func (r *receiver) signedEvent(request *http.Request, body []byte) answer {
	if refused := whyNotVerified(r.signingKey, request.Header, body, time.Now()); refused != nil {
		return *refused
	}
	var event struct {
		Message struct {
			ID     string `json:"id"`
			Status string `json:"status"`
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return answer{status: 400, note: "no JSON object"}
	}
	id := request.Header.Get("webhook-id")
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.done[id] { // an answer of ours got lost, or somebody asked for a replay
		return answer{status: 200, note: id + " again, already done"}
	}
	r.done[id] = true
	return answer{status: 200, note: fmt.Sprintf("%s %s %s", id, event.Message.ID, event.Message.Status)}
}

// --- A bearer secret, and the handshake before the first report. -----------------------------------------------------

func (r *receiver) callback(request *http.Request, body []byte) answer {
	if !same(request.Header.Get("authorization"), "Bearer "+r.bearerSecret) {
		return answer{status: 401, note: "wrong secret"}
	}
	var content struct {
		ValidationKey string  `json:"validation_key"`
		Challenge     *string `json:"challenge"`
		ID            string  `json:"id"`
		Status        string  `json:"status"`
	}
	if err := json.Unmarshal(body, &content); err != nil {
		return answer{status: 400, note: "no JSON object"}
	}
	if content.Challenge != nil {
		if !same(content.ValidationKey, r.validationKey) {
			return answer{status: 403, note: "wrong validation key"}
		}
		return answer{status: 200, note: "handshake", json: map[string]string{"challenge": *content.Challenge}}
	}
	return answer{status: 200, note: content.ID + " " + content.Status}
}

func same(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// --- HTTP. -----------------------------------------------------------------------------------------------------------

func (r *receiver) route(request *http.Request, body []byte) answer {
	switch request.Method + " " + request.URL.Path {
	case "GET /ant-sms-deliver":
		return antReport(request)
	case "POST /webhooks":
		return r.signedEvent(request, body)
	case "POST /receive/callback":
		return r.callback(request, body)
	}
	switch request.URL.Path {
	case "/ant-sms-deliver":
		return answer{status: 405, note: "another method is expected", allow: "GET"}
	case "/webhooks", "/receive/callback":
		return answer{status: 405, note: "another method is expected", allow: "POST"}
	}
	return answer{status: 404, note: "no such path"}
}

func (r *receiver) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, maxBody))
	result := answer{status: 413, note: "too large, or broken off"}
	if err == nil {
		result = r.route(request, body)
	}
	fmt.Println(request.Method, request.URL.Path, result.status, result.note)
	if result.allow != "" {
		writer.Header().Set("allow", result.allow)
	}
	if result.json == nil {
		writer.WriteHeader(result.status)
		return
	}
	writer.Header().Set("content-type", "application/json")
	writer.WriteHeader(result.status)
	if err := json.NewEncoder(writer).Encode(result.json); err != nil {
		log.Print(err)
	}
}

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		log.Fatalf("%s must be set", name)
	}
	return value
}

func main() {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(setting("WEBHOOK_SECRET"), "whsec_"))
	if err != nil {
		log.Fatal("WEBHOOK_SECRET must be whsec_ and base64")
	}
	handler := &receiver{
		signingKey:    key,
		bearerSecret:  setting("BEARER_SECRET"),
		validationKey: setting("VALIDATION_KEY"),
		done:          map[string]bool{},
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	server := &http.Server{Handler: handler, ReadTimeout: 30 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.Serve(listener))
}
