<?php
// Sessions without a return address, and a webhook that says what was signed. PHP 8.1 or newer, without dependencies.
//
// The service runs in another terminal: `make demo` in the folder of the repository starts it, and prints the key. Then,
// in the same folder (the first command prints the secret, once):
//
//   .venv/bin/signroom webhooks create http://127.0.0.1:8000/webhook --subscription Demo
//   export SIGNING_URL=http://127.0.0.1:8400 SIGNING_KEY='Example application|...' WEBHOOK_SECRET=whsec_...
//   php -S 127.0.0.1:8000 examples/webhook_app.php
declare(strict_types=1);
set_exception_handler(fn (Throwable $error) => http_response_code(500)); // the service then tries again

/** A call of the API. */
function api(string $method, string $path, ?array $body = null): array
{
    $answer = file_get_contents(getenv('SIGNING_URL') . $path, false, stream_context_create(['http' => [
        'method' => $method,
        'header' => ['X-Api-Key: ' . getenv('SIGNING_KEY'), 'Content-Type: application/json'],
        'content' => $body === null ? '' : json_encode($body),
        'ignore_errors' => true, // the body of a refusal, too
        'timeout' => 30,
    ]]));
    $answer = json_decode($answer === false ? '{"code": "ConnectionFailed"}' : $answer, true);
    if (!str_contains($http_response_header[0] ?? '', ' 200 ')) {
        http_response_code(502);
        exit($answer['code']);
    }
    return $answer;
}

/** Whether the service has sent these bytes just now: its signature is over the bytes as they came. */
function genuine(string $body): bool
{
    [$id, $sent, $signatures] = array_map(fn ($name) => $_SERVER["HTTP_WEBHOOK_$name"] ?? '', ['ID', 'TIMESTAMP', 'SIGNATURE']);
    if (!preg_match('/^\d+$/', $sent) || abs(time() - (int) $sent) > 300) return false;
    $key = base64_decode(preg_replace('/^whsec_/', '', (string) getenv('WEBHOOK_SECRET')), true);
    if ($key === false || strlen($key) < 24) return false; // no secret was set: anybody could sign with an empty key
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent.$body", $key, true));
    foreach (explode(' ', $signatures) as $one) {
        if (hash_equals($expected, $one)) return true;
    }
    return false;
}

/** What is kept between requests, and changed by `$change`. Yours is a database, with a unique index on the event's id. */
function kept(?callable $change = null): array
{
    $file = fopen((getenv('APP_FOLDER') ?: sys_get_temp_dir()) . '/signroom-orders.json', 'c+');
    flock($file, LOCK_EX);
    $state = json_decode(stream_get_contents($file) ?: '[]', true) + ['links' => [], 'signed' => []];
    if ($change !== null) {
        $change($state);
        ftruncate($file, 0);
        rewind($file);
        fwrite($file, json_encode($state));
    }
    return $state;
}

$call = $_SERVER['REQUEST_METHOD'] . ' ' . parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$text = fn ($value) => htmlspecialchars((string) $value);
if ($call === 'POST /webhook') {
    $body = file_get_contents('php://input');
    if (!genuine($body)) exit(http_response_code(400));
    $event = json_decode($body, true);
    if ($event['type'] === 'DocumentSignatureCompleted') {
        kept(function (array &$state) use ($event) {
            $state['signed'][$_SERVER['HTTP_WEBHOOK_ID']] = $event['document'];
            unset($state['links'][$event['document']['callbackArgument'] ?? '']);
        });
    }
    http_response_code(204); // soon: what takes long is done later
} elseif ($call === 'POST /orders') {
    // No return address: the user need not come back, the webhook tells us.
    $order = (string) ($_POST['order'] ?? '');
    $session = api('POST', '/api/signature-sessions', ['callbackArgument' => $order]);
    kept(function (array &$state) use ($order, $session) { $state['links'][$order] = $session['redirectUrl']; });
    header('Location: /', true, 303);
} elseif (preg_match('~^GET /documents/([0-9a-f-]{36})$~', $call, $found)) {
    // Addresses of files work for four hours: ask for a fresh one.
    header('Location: ' . api('GET', "/api/documents/$found[1]")['signedFile']['location'], true, 302);
} elseif ($call === 'GET /') {
    echo '<!doctype html><html lang=en><meta charset=utf-8><title>Orders</title><h1>Orders</h1><form method=post action=/orders>',
        '<label>Order <input name=order value=42 maxlength=50 required></label><button>Ask for a signature</button></form><ul>';
    foreach (kept()['links'] as $order => $link) {
        echo "<li><a href=\"{$text($link)}\" target=\"_blank\" rel=\"noopener\">Sign order {$text($order)}</a>";
    }
    echo '</ul><h2>Signed</h2><ul>';
    foreach (kept()['signed'] as $document) {
        $who = fn ($s) => $text($s['certificate']['subjectDisplayName']) . ($s['identityConfirmed'] ? '' : ' (nobody has confirmed this identity)');
        echo "<li>Order {$text($document['callbackArgument'])}: <a href=\"/documents/{$document['id']}\">",
            $text($document['signedFile']['name']), '</a>, signed by ', implode(', ', array_map($who, $document['signers']));
    }
    echo '</ul>';
} else {
    http_response_code(404);
}
