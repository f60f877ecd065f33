<?php
// A receiver of webhooks, with what PHP brings along and nothing else.
//
//     WEBHOOK_SECRET=whsec_... BEARER_SECRET=... VALIDATION_KEY=... php -S 127.0.0.1:8080 receiver.php
//
// It answers three kinds of webhook at three paths (../README.md) and prints one line for each request. In production it
// runs under PHP-FPM behind a web server that speaks TLS; Apache needs `CGIPassAuth on` to hand on `Authorization`.
declare(strict_types=1);

const MAX_BODY = 2 * 1024 * 1024;
const TOLERANCE_SECONDS = 5 * 60;
const ANT_PARAMETERS = ['smsId', 'destination', 'sendTime', 'sendResult', 'dr', 'smsCount'];

/** What the sender gets, and what the line of the request says. */
final class Answer
{
    public function __construct(
        public readonly int $status,
        public readonly string $note,
        public readonly ?array $json = null,
        public readonly ?string $allow = null,
    ) {
    }
}

// --- A delivery report of ANT: GET with six parameters. -------------------------------------------------------------

function ant_report(): Answer
{
    foreach (ANT_PARAMETERS as $name) {
        if (!isset($_GET[$name])) { // a value may be empty, a parameter may not be absent
            return new Answer(400, "$name is missing");
        }
    }
    // Put the report into a queue or a table here, and answer; work on it afterwards.
    return new Answer(200, $_SERVER['QUERY_STRING']);
}

// --- A signed event: POST with a JSON body, as Standard Webhooks describes it. --------------------------------------

/** Why the request is not known to come from the sender; null if it is his. */
function why_not_verified(string $secret, string $body, int $now): ?Answer
{
    $id = header_value('webhook-id');
    $timestamp = header_value('webhook-timestamp');
    $signatures = header_value('webhook-signature');
    if ($id === '' || $timestamp === '' || $signatures === '') {
        return new Answer(400, 'not signed');
    }
    if (!ctype_digit($timestamp)) {
        return new Answer(400, 'webhook-timestamp is no number');
    }
    if (abs($now - (int) $timestamp) > TOLERANCE_SECONDS) {
        return new Answer(401, 'too old or from the future');
    }
    // The signature is over the bytes as they came: JSON that was parsed and written again is other bytes.
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $expected = base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
    // While a secret is being changed there is one signature for the new and one for the old, with a space between.
    foreach (explode(' ', $signatures) as $signature) {
        // hash_equals takes as long for a near miss as for a far one, so that nobody can guess byte by byte.
        if (hash_equals("v1,$expected", $signature)) {
            return null;
        }
    }
    return new Answer(401, 'no signature matches');
}

function signed_event(string $body): Answer
{
    $refused = why_not_verified(setting('WEBHOOK_SECRET'), $body, time());
    if ($refused !== null) {
        return $refused;
    }
    $event = json_object($body);
    if ($event === null) {
        return new Answer(400, 'no JSON object');
    }
    $id = header_value('webhook-id');
    if (!first_time($id)) { // an answer of ours got lost, or somebody asked for a replay
        return new Answer(200, "$id again, already done");
    }
    $report = $event['message'] ?? [];
    return new Answer(200, implode(' ', [$id, $report['id'] ?? '', $report['status'] ?? '']));
}

/**
 * Whether an event was not done before. PHP forgets everything after a request, so a file is made for each event. In
 * production: a table with a unique key, written in the transaction that does the work, and kept for a week.
 */
function first_time(string $id): bool
{
    $folder = getenv('DONE_FOLDER') ?: sys_get_temp_dir() . '/webhooks-done';
    if (!is_dir($folder) && !@mkdir($folder, 0700) && !is_dir($folder)) {
        throw new RuntimeException("the folder $folder cannot be made");
    }
    $file = "$folder/" . hash('sha256', $id);
    $made = @fopen($file, 'x'); // fails if the file is there, also for two requests at once
    if ($made === false && !is_file($file)) {
        throw new RuntimeException("the file $file cannot be made");
    }
    return $made !== false;
}

// --- A bearer secret, and the handshake before the first report. ----------------------------------------------------

function callback(string $body): Answer
{
    if (!hash_equals('Bearer ' . setting('BEARER_SECRET'), header_value('authorization'))) {
        return new Answer(401, 'wrong secret');
    }
    $content = json_object($body);
    if ($content === null) {
        return new Answer(400, 'no JSON object');
    }
    if (isset($content['challenge'])) {
        if (!hash_equals(setting('VALIDATION_KEY'), (string) ($content['validation_key'] ?? ''))) {
            return new Answer(403, 'wrong validation key');
        }
        return new Answer(200, 'handshake', ['challenge' => (string) $content['challenge']]);
    }
    return new Answer(200, implode(' ', [$content['id'] ?? '', $content['status'] ?? '']));
}

// --- HTTP. ----------------------------------------------------------------------------------------------------------

function json_object(string $body): ?array
{
    $content = json_decode($body, false);
    return $content instanceof stdClass ? json_decode($body, true) : null;
}

function header_value(string $name): string
{
    return $_SERVER['HTTP_' . strtoupper(str_replace('-', '_', $name))] ?? '';
}

function setting(string $name): string
{
    return getenv($name) ?: throw new RuntimeException("$name must be set");
}

function route(string $method, string $path): Answer
{
    // The bytes as they came; $_POST would be a reading of them.
    $body = file_get_contents('php://input', length: MAX_BODY + 1);
    if (strlen($body) > MAX_BODY) {
        return new Answer(413, 'too large');
    }
    return match ("$method $path") {
        'GET /ant-sms-deliver' => ant_report(),
        'POST /webhooks' => signed_event($body),
        'POST /receive/callback' => callback($body),
        default => match ($path) {
            '/ant-sms-deliver' => new Answer(405, 'another method is expected', allow: 'GET'),
            '/webhooks', '/receive/callback' => new Answer(405, 'another method is expected', allow: 'POST'),
            default => new Answer(404, 'no such path'),
        },
    };
}

function respond(): void
{
    $method = $_SERVER['REQUEST_METHOD'];
    $path = strtok($_SERVER['REQUEST_URI'], '?');
    $answer = route($method, $path);
    file_put_contents('php://stdout', "$method $path $answer->status $answer->note\n");
    http_response_code($answer->status);
    if ($answer->allow !== null) {
        header("Allow: $answer->allow");
    }
    if ($answer->json !== null) {
        header('Content-Type: application/json');
        echo json_encode($answer->json, JSON_THROW_ON_ERROR);
    }
}

respond();
