/* A skeleton of a liquidation engine that speaks the protocol of spec/protocol.md: cc -std=c11 -O2 -o engine engine.c
   It starts every run and skips every event. Continue in `apply`, one event type after the other.
   It reads JSON with `field` and `end_of`, which do not see all that is malformed: put a library there. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1024 * 1024, MAX_ACCOUNTS = 1000 };

/* What `observes` names is reported, and only this is compared: add names as you continue (OBS-1 in
   spec/rules/09-data.md). */
static const char HELLO[] = "{\"ok\":true,\"protocol\":1,\"engine\":\"my-engine 0.1\",\"states\":\"full\","
    "\"observes\":[\"time\",\"block\",\"pools.collateral\"],"
    "\"events\":[\"deposit\",\"withdraw\",\"transfer\",\"trade\",\"mark_price\",\"marks\",\"fill\",\"order_done\","
    "\"funding\",\"vault_trade\",\"vault_cash\",\"block\"]}";

/* The present run. Amounts are decimal strings: compute in integers of their unit, never in floats
   (spec/rules/01-amounts.md). Each name is kept as the JSON string that it was. */
static struct {
    int begun, accounts;
    long long time, block, collateral[MAX_ACCOUNTS];
    char *name[MAX_ACCOUNTS];
} run;

static char *skip(char *text) { return text + strspn(text, " \t\r\n"); }

/* The end of the value that begins here: the comma or the bracket after it, or the end of the line. */
static char *end_of(char *text) {
    int depth = 0, quoted = 0;
    for (; *text; text++) {
        if (*text == '\\' && text[1]) text++;
        else if (*text == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (*text == '{' || *text == '[') depth++;
        else if ((*text == '}' || *text == ']') && depth-- == 0) break;
        else if (*text == ',' && depth == 0) break;
    }
    return text;
}

/* The value of a field of an object; NULL if there is none. */
static char *field(char *object, const char *name) {
    size_t length = strlen(name);
    if (object == NULL || *object != '{') return NULL;
    for (char *key = skip(object + 1); *key == '"'; key = skip(end_of(key) + 1)) {
        if (strncmp(key + 1, name, length) == 0 && key[length + 1] == '"') {
            char *colon = skip(key + length + 2);
            return *colon == ':' ? skip(colon + 1) : NULL;
        }
        if (*end_of(key) != ',') break;
    }
    return NULL;
}

/* Whether a value is this text, such as "1" or "\"bye\"". */
static int is(char *value, const char *text) {
    size_t length = strlen(text);
    return value && strncmp(value, text, length) == 0 && strchr(",}]", *skip(value + length));
}

static void refuse(const char *code, const char *message) {
    printf("{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}\n", code, message);
}

/* Reply with what HELLO says that it observes; account, market and mode are always reported (OBS-1, OBS-2). */
static void accept(void) {
    printf("{\"ok\":true,\"observation\":{\"time\":%lld,\"block\":%lld,", run.time, run.block);
    printf("\"positions\":[],\"pools\":[");
    for (int i = 0; i < run.accounts; i++)
        printf("%s{\"account\":%s,\"mode\":\"cross\",\"market\":null,\"collateral\":\"%lld\"}", i ? "," : "",
               run.name[i], run.collateral[i]);
    puts("]}}");
}

/* Start a run. spec/rules/09-data.md has the configuration (CFG-1); refuse what is not valid as bad_request. */
static void reset(char *config) {
    char *account = field(config, "accounts"), *time = field(config, "time");
    if (account == NULL || *account != '[') {
        refuse("bad_request", "config.accounts: expected a list");
        return;
    }
    while (run.accounts > 0) free(run.name[--run.accounts]);
    memset(&run, 0, sizeof run);
    run.begun = 1;
    run.time = time ? strtoll(time, NULL, 10) : 0;
    for (account = skip(account + 1); *account == '"' && run.accounts < MAX_ACCOUNTS; account = skip(account)) {
        char *end = end_of(account);
        run.name[run.accounts] = calloc((size_t)(end - account) + 1, 1);
        if (run.name[run.accounts] == NULL) abort();
        memcpy(run.name[run.accounts++], account, (size_t)(end - account));
        account = *end == ',' ? end + 1 : end;
    }
    accept();
}

/* Process an event (spec/rules/08-events.md); 07-accounts.md has deposits and trades, 03 to 06 the rest.
   Begin with `deposit` (ACC-4) and `block` (EVT-9). First its checks in their order, of which the first that fails is the
   answer: refuse("not_positive", "amount: 0, must be above 0"); the table in spec/protocol.md has them. Then its
   change, and accept(). */
static void apply(char *event) {
    (void)event; /* if (is(field(event, "type"), "\"deposit\"")) { deposit(event); return; } */
    puts("{\"ok\":false,\"skipped\":\"not implemented\"}");
}

/* Answer a line; whether it was the last. spec/protocol.md lists what else is a bad_request. */
static int answer(char *line, size_t length) {
    while (length > 0 && strchr(" \t\r", line[length - 1])) line[--length] = '\0';
    char *request = skip(line), *op = field(request, "op"), *event = field(request, "event");
    int whole = strlen(line) == length && length > 0 && line[length - 1] == '}';
    if (whole && is(op, "\"hello\"") && is(field(request, "protocol"), "1")) puts(HELLO);
    else if (whole && is(op, "\"reset\"")) reset(field(request, "config"));
    else if (whole && is(op, "\"apply\"") && run.begun && event && *event == '{') apply(event);
    else if (whole && is(op, "\"bye\"")) puts("{\"ok\":true}");
    else refuse("bad_request", "not a request of spec/protocol.md, or apply before reset");
    return whole && is(op, "\"bye\"");
}

/* Answer each line with one line, written at once; end after `bye`, or when the input ends. */
int main(void) {
    static char line[MAX_LINE + 1];
    size_t length = 0;
    for (int byte, last = 0; !last;) {
        byte = getchar();
        if (byte == EOF && length == 0) break;
        if (byte == '\n' || byte == EOF) {
            line[length] = '\0';
            last = answer(line, length) || byte == EOF;
            length = 0;
            fflush(stdout);
        } else if (length < MAX_LINE) {
            line[length++] = (char)byte; /* the rest of a line that is too long is forgotten, and does not end in } */
        }
    }
    return 0;
}
