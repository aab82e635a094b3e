/* A liquidation engine for perpetual futures that follows the rules of spec/ (version 2.5.0) and speaks the protocol of spec/protocol.md.

       cc -std=c11 -O2 -Wall -Wextra -Werror engine.c -o engine

   With --prices it also shows the liquidation and the bankruptcy price of each position (OBS-5).
   Read it from the end: main, the requests, the events (EVT, ACC, FIL), the assessment (LIQ), the backstop (BKS), the margins (MRG).
   Each section and each function is marked with the rules that it follows. */

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "big.h"

/* ================================================================ Memory, texts, refusals */

/* Everything that is allocated lives as long as one line, or as one run, and is released with it. */
typedef struct Block {
    struct Block *next;
    size_t used, size;
    max_align_t content[];
} Block;

typedef struct {
    Block *first;
} Arena;

enum { LEAST_BLOCK = 1 << 14 };

static Arena line_arena;

static void *checked(void *memory) {
    if (memory == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* All bytes are 0. */
static void *allocate(Arena *arena, size_t count, size_t size) {
    if (count > (SIZE_MAX / 2 - sizeof(Block)) / size) checked(NULL);
    size_t needed = (count * size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    Block *block = arena->first;
    if (block == NULL || block->size - block->used < needed) {
        size_t room = needed > LEAST_BLOCK ? needed : LEAST_BLOCK;
        block = checked(malloc(sizeof(Block) + room));
        *block = (Block){.next = arena->first, .size = room};
        arena->first = block;
    }
    block->used += needed;
    return memset((char *)block->content + block->used - needed, 0, needed);
}

static void release(Arena *arena) {
    while (arena->first != NULL) {
        Block *next = arena->first->next;
        free(arena->first);
        arena->first = next;
    }
}

/* Bytes in UTF-8; they may contain a zero. */
typedef struct {
    const char *bytes;
    size_t length;
} Text;

/* AMT-7: the order of the bytes of UTF-8 is the order of the code points. */
static int compare_texts(Text left, Text right) {
    size_t common = left.length < right.length ? left.length : right.length;
    int order = memcmp(left.bytes, right.bytes, common);
    return order != 0 ? order : (left.length > right.length) - (left.length < right.length);
}

static bool is_text(Text text, const char *expected) { return compare_texts(text, (Text){expected, strlen(expected)}) == 0; }

/* A refusal goes straight back to the loop in main. So it must come before any change of the run (EVT-3). */
static struct {
    jmp_buf back;
    const char *code;
    char message[400];
} refusal;

_Noreturn static void refuse(const char *code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    refusal.code = code;
    vsnprintf(refusal.message, sizeof refusal.message, format, arguments);
    va_end(arguments);
    longjmp(refusal.back, 1);
}

#define BAD "bad_request"
#define SHOWN(text) (int)((text).length < 80 ? (text).length : 80), (text).bytes /* for the format %.*s */

/* ================================================================ UTF-8 */

/* The length of the character at the start of the bytes, or 0 if they are not a valid one: too short, too long a form, a surrogate, too large. */
static size_t decode_character(const char *bytes, size_t length, uint32_t *character) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)bytes[0];
    size_t size = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (size == 0 || size > length) return 0;
    *character = size == 1 ? lead : lead & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (((unsigned char)bytes[i] & 0xC0) != 0x80) return 0;
        *character = *character << 6 | ((unsigned char)bytes[i] & 0x3F);
    }
    bool surrogate = *character >= 0xD800 && *character <= 0xDFFF;
    return *character < least[size] || surrogate || *character > 0x10FFFF ? 0 : size;
}

static size_t encode_character(uint32_t character, char *bytes) {
    size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, character >>= 6) bytes[i] = (char)(0x80 | (character & 0x3F));
    bytes[0] = (char)(size == 1 ? character : (0xF00u >> size & 0xF0) | character);
    return size;
}

/* ================================================================ JSON */

typedef enum { JSON_NULL, JSON_BOOLEAN, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

typedef struct Json {
    JsonKind kind;
    Text text; /* of a string what it says, of any other value how it is written */
    Text key;
    struct Json **items; /* of an array in order, of an object by key */
    size_t count, taken;
    struct Json *next; /* while the list is being read */
} Json;

typedef struct {
    const char *at, *end;
} Reader;

enum { DEEPEST = 32 }; /* no request is deeper than 7 */
enum { LONGEST_LINE = 1024 * 1024 }; /* bytes, without its end */

static void skip_space(Reader *reader) {
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4) != NULL) reader->at++;
}

static bool accept(Reader *reader, char expected) {
    if (reader->at == reader->end || *reader->at != expected) return false;
    reader->at++;
    return true;
}

static void expect(Reader *reader, char expected) {
    if (!accept(reader, expected)) refuse(BAD, "not JSON: '%c' is missing", expected);
}

static size_t skip_digits(Reader *reader) {
    const char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
    return (size_t)(reader->at - start);
}

static void read_number(Reader *reader) {
    bool valid = true;
    accept(reader, '-');
    if (!accept(reader, '0')) valid = skip_digits(reader) > 0;
    if (valid && accept(reader, '.')) valid = skip_digits(reader) > 0;
    if (valid && (accept(reader, 'e') || accept(reader, 'E'))) {
        if (!accept(reader, '+')) accept(reader, '-');
        valid = skip_digits(reader) > 0;
    }
    if (!valid) refuse(BAD, "not JSON: a value is missing or malformed");
}

static uint32_t read_four_digits(Reader *reader) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint32_t value = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        const char *digit = reader->at < reader->end ? memchr(digits, *reader->at, 32) : NULL;
        if (digit == NULL) refuse(BAD, "not JSON: \\u needs four hexadecimal digits");
        value = value << 4 | (uint32_t)((digit - digits) % 16);
    }
    return value;
}

/* The character of one \u, or of two that are a pair of surrogates. */
static uint32_t read_unicode_escape(Reader *reader) {
    uint32_t high = read_four_digits(reader), low = 0;
    if (high < 0xD800 || high > 0xDFFF) return high;
    if (high < 0xDC00 && accept(reader, '\\') && accept(reader, 'u')) low = read_four_digits(reader);
    if (low < 0xDC00 || low > 0xDFFF) refuse(BAD, "not JSON: a surrogate without its other half");
    return 0x10000 + ((high & 0x3FF) << 10 | (low & 0x3FF));
}

static uint32_t read_escape(Reader *reader) {
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (accept(reader, 'u')) return read_unicode_escape(reader);
    const char *letter = reader->at < reader->end ? memchr(letters, *reader->at, 8) : NULL;
    if (letter == NULL) refuse(BAD, "not JSON: an unknown escape");
    reader->at++;
    return (unsigned char)meanings[letter - letters];
}

static Text read_string(Reader *reader) {
    expect(reader, '"');
    const char *closing = reader->at;
    while (closing < reader->end && *closing != '"') closing += *closing == '\\' ? 2 : 1;
    if (closing >= reader->end) refuse(BAD, "not JSON: a string does not end");
    char *bytes = allocate(&line_arena, (size_t)(closing - reader->at) + 1, 1);
    size_t length = 0;
    while (!accept(reader, '"')) {
        if ((unsigned char)*reader->at < 0x20) refuse(BAD, "not JSON: a control character in a string");
        if (accept(reader, '\\'))
            length += encode_character(read_escape(reader), bytes + length);
        else
            bytes[length++] = *reader->at++;
    }
    return (Text){bytes, length};
}

static int by_key(const void *left, const void *right) {
    return compare_texts((*(Json *const *)left)->key, (*(Json *const *)right)->key);
}

static Json *read_value(Reader *reader, int depth);

static void read_items(Reader *reader, Json *list, char closing, int depth) {
    if (depth == DEEPEST) refuse(BAD, "nested too deeply");
    Json *first = NULL, **last = &first;
    skip_space(reader);
    if (accept(reader, closing)) return;
    do {
        Text key = {"", 0};
        skip_space(reader);
        if (list->kind == JSON_OBJECT) {
            key = read_string(reader);
            skip_space(reader);
            expect(reader, ':');
        }
        *last = read_value(reader, depth + 1);
        (*last)->key = key;
        last = &(*last)->next;
        list->count++;
    } while (accept(reader, ','));
    expect(reader, closing);
    list->items = allocate(&line_arena, list->count, sizeof *list->items);
    for (size_t i = 0; i < list->count; i++, first = first->next) list->items[i] = first;
    if (list->kind == JSON_ARRAY) return;
    qsort(list->items, list->count, sizeof *list->items, by_key);
    for (size_t i = 1; i < list->count; i++)
        if (by_key(&list->items[i - 1], &list->items[i]) == 0) refuse(BAD, "the key %.*s is repeated", SHOWN(list->items[i]->key));
}

static bool read_word(Reader *reader, const char *word) {
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) return false;
    reader->at += length;
    return true;
}

static Json *read_value(Reader *reader, int depth) {
    Json *json = allocate(&line_arena, 1, sizeof *json);
    skip_space(reader);
    const char *start = reader->at;
    if (reader->at < reader->end && *reader->at == '"') {
        json->kind = JSON_STRING;
        json->text = read_string(reader);
    } else {
        if (accept(reader, '{'))
            json->kind = JSON_OBJECT, read_items(reader, json, '}', depth);
        else if (accept(reader, '['))
            json->kind = JSON_ARRAY, read_items(reader, json, ']', depth);
        else if (read_word(reader, "true") || read_word(reader, "false"))
            json->kind = JSON_BOOLEAN;
        else if (!read_word(reader, "null"))
            json->kind = JSON_NUMBER, read_number(reader);
        json->text = (Text){start, (size_t)(reader->at - start)};
    }
    skip_space(reader);
    return json;
}

static Json *read_json(Text line) {
    uint32_t character;
    for (size_t i = 0, size; i < line.length; i += size) {
        size = decode_character(line.bytes + i, line.length - i, &character);
        if (size == 0) refuse(BAD, "not UTF-8");
    }
    Reader reader = {line.bytes, line.bytes + line.length};
    Json *json = read_value(&reader, 0);
    if (reader.at != reader.end) refuse(BAD, "not JSON: more after the value");
    return json;
}

/* ---- typed access: a value that is missing, mistyped (null too) or unknown is refused */

static Json *take(Json *object, const char *name) {
    Json wanted = {.key = {name, strlen(name)}}, *key = &wanted;
    if (object->count == 0) return NULL;
    Json **found = bsearch(&key, object->items, object->count, sizeof *object->items, by_key);
    if (found == NULL) return NULL;
    object->taken++;
    return *found;
}

static Json *require(Json *object, const char *name) {
    Json *value = take(object, name);
    if (value == NULL) refuse(BAD, "%s is missing", name);
    return value;
}

static void no_other_fields(const Json *object, const char *what) {
    if (object->taken != object->count) refuse(BAD, "%s has an unknown field", what);
}

static Json *of_kind(JsonKind kind, Json *value, const char *what) {
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "a list", "an object"};
    if (value->kind != kind) refuse(BAD, "%s is %.*s, not %s", what, SHOWN(value->text), names[kind]);
    return value;
}

/* EVT-4: written with digits only; -0, 1.0, 1e3, "1", true and -1 are not integers. */
static uint64_t integer(const Json *value, const char *what) {
    Text text = value->text;
    bool valid = value->kind == JSON_NUMBER;
    uint64_t number = 0;
    for (size_t i = 0; valid && i < text.length; i++) {
        valid = text.bytes[i] >= '0' && text.bytes[i] <= '9';
        if (valid) number = number * 10 + (uint64_t)(text.bytes[i] - '0');
        valid = valid && number < UINT64_C(1) << 53;
    }
    if (!valid) refuse(BAD, "%s is %.*s, not an integer from 0 to 2^53 - 1", what, SHOWN(text));
    return number;
}

/* ================================================================ Amounts and rates (AMT) */

enum { MOST_DIGITS = 78 };

typedef struct {
    Big mantissa;
    int scale; /* mantissa / 10^scale */
} Decimal;

typedef struct {
    Big numerator, denominator; /* the denominator above 0 */
} Rate;

/* The whole number of the digits from `start` on; `digits` is how many there are. */
static Big read_digits(Reader *reader, Big start, size_t *digits) {
    uint64_t group = 0, scale = 1; /* some digits are read at once */
    for (*digits = 0; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9' && *digits <= MOST_DIGITS; ++*digits) {
        group = 10 * group + (uint64_t)(*reader->at++ - '0');
        scale *= 10;
        if (scale == TEN_TO_18) {
            start = add(multiply(start, whole(scale)), whole(group));
            group = 0;
            scale = 1;
        }
    }
    return add(multiply(start, whole(scale)), whole(group));
}

/* AMT-3 */
static Decimal decimal(Json *value, const char *what) {
    Reader reader = {value->text.bytes, value->text.bytes + value->text.length};
    Decimal result = {{0}, 0};
    size_t digits, decimals = 0;
    bool valid = value->kind == JSON_STRING, negative = accept(&reader, '-');
    result.mantissa = read_digits(&reader, whole(0), &digits);
    if (accept(&reader, '.')) {
        result.mantissa = read_digits(&reader, result.mantissa, &decimals);
        valid = valid && decimals > 0;
    }
    valid = valid && digits > 0 && reader.at == reader.end && digits + decimals <= MOST_DIGITS;
    if (!valid) refuse(BAD, "%s is %.*s, not a decimal string of at most %d digits", what, SHOWN(value->text), MOST_DIGITS);
    if (negative) result.mantissa = negated(result.mantissa);
    result.scale = (int)decimals;
    return result;
}

static Rate reduced(Rate rate) {
    Big divisor = greatest_common_divisor(rate.denominator, rate.numerator);
    return (Rate){divide_down(rate.numerator, divisor), divide_down(rate.denominator, divisor)};
}

/* AMT-5 */
static Rate rate(Json *value, const char *what) {
    Text text = of_kind(JSON_STRING, value, what)->text;
    if (memchr(text.bytes, '/', text.length) == NULL) {
        Decimal number = decimal(value, what);
        return reduced((Rate){number.mantissa, power_of_ten(number.scale)});
    }
    Reader reader = {text.bytes, text.bytes + text.length};
    size_t above, below = 0;
    Rate result = {read_digits(&reader, whole(0), &above), whole(0)};
    if (accept(&reader, '/')) result.denominator = read_digits(&reader, whole(0), &below);
    bool valid = above > 0 && below > 0 && above + below <= MOST_DIGITS && reader.at == reader.end && sign(result.denominator) != 0;
    if (!valid) refuse(BAD, "%s is %.*s, not a ratio of two whole numbers", what, SHOWN(text));
    return reduced(result);
}

static Rate add_product(Rate sum, Big factor, Rate rate) {
    Big product = multiply(multiply(factor, rate.numerator), sum.denominator);
    return reduced((Rate){add(multiply(sum.numerator, rate.denominator), product), multiply(sum.denominator, rate.denominator)});
}

/* AMT-4: how many times the grid an amount is, if that is a whole number. */
static bool on_grid(Decimal amount, Decimal grid, Big *units) {
    Big remainder;
    Big denominator = multiply(grid.mantissa, power_of_ten(amount.scale));
    *units = divide(multiply(amount.mantissa, power_of_ten(grid.scale)), denominator, &remainder);
    return sign(remainder) == 0;
}

/* AMT-7: in addition to these ranges, the last two code points of each plane. */
static bool is_refused_in_names(uint32_t character) {
    static const uint32_t ranges[][2] = {
        {0x0000, 0x0020}, {0x002F, 0x002F}, {0x007F, 0x00A0}, {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C},
        {0x115F, 0x1160}, {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F}, {0x2028, 0x202F},
        {0x205F, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xD800, 0xDFFF}, {0xFDD0, 0xFDEF}, {0xFE00, 0xFE0F},
        {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (character >= ranges[i][0] && character <= ranges[i][1]) return true;
    return (character & 0xFFFE) == 0xFFFE;
}

/* AMT-7: its length is in code points. */
static Text name(Text text, const char *what) {
    size_t characters = 0;
    bool valid = true;
    uint32_t character;
    for (size_t i = 0; valid && i < text.length; characters++) {
        i += decode_character(text.bytes + i, text.length - i, &character);
        valid = characters < 128 && !is_refused_in_names(character);
    }
    if (!valid || characters == 0) refuse(BAD, "%.*s is not a valid name of %s", SHOWN(text), what);
    return text;
}

/* ================================================================ The reply */

typedef struct {
    char *bytes;
    size_t length, capacity;
} Buffer;

static Buffer reply, effects; /* effects: what happened, as the items of a JSON list */

static void make_room(Buffer *buffer, size_t size) {
    if (buffer->capacity - buffer->length >= size) return;
    buffer->capacity = 2 * buffer->capacity + size;
    buffer->bytes = checked(realloc(buffer->bytes, buffer->capacity));
}

static void write_to(Buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    make_room(buffer, 1);
    size_t room = buffer->capacity - buffer->length, length = (size_t)vsnprintf(buffer->bytes + buffer->length, room, format, arguments);
    if (length >= room) {
        make_room(buffer, length + 1);
        vsnprintf(buffer->bytes + buffer->length, length + 1, format, again);
    }
    va_end(again);
    va_end(arguments);
    buffer->length += length;
}

/* Between the items of a list. */
static const char *separator(const Buffer *buffer) {
    return buffer->length == 0 || strchr("[{", buffer->bytes[buffer->length - 1]) != NULL ? "" : ",";
}

/* As a JSON string. It is valid until the line is done, as is what `shown` returns. */
static const char *quoted(Text text) {
    uint32_t character;
    char *result = allocate(&line_arena, 6 * text.length + 3, 1), *end = result;
    *end++ = '"';
    for (size_t i = 0, size; i < text.length; i += size) {
        size = decode_character(text.bytes + i, text.length - i, &character);
        if (size == 0) { /* a text that was cut */
            size = 1;
            end += encode_character(0xFFFD, end);
        } else if (character < 0x20 || character == '"' || character == '\\') {
            end += snprintf(end, 7, "\\u%04x", (unsigned)character);
        } else {
            memcpy(end, text.bytes + i, size);
            end += size;
        }
    }
    *end = '"';
    return result;
}

/* AMT-3: a number of units of the grid as a decimal text, without trailing zeros. */
static const char *shown(Big units, Decimal grid) {
    Big rest = absolute(multiply(units, grid.mantissa));
    size_t longest = (size_t)rest.length * 10 + (size_t)grid.scale + 13;
    char *text = allocate(&line_arena, longest, 1), *start = text + longest - 1;
    int digits = 0;
    for (uint32_t group = 0; digits <= grid.scale || sign(rest) != 0 || group != 0; digits++) {
        if (digits % 9 == 0) group = divide_by_limb(&rest, 1000000000);
        char digit = (char)('0' + group % 10);
        group /= 10;
        if (digits == grid.scale && start[0] != '\0') *--start = '.';
        if (digits >= grid.scale || digit != '0' || start[0] != '\0') *--start = digit;
    }
    if (sign(units) < 0) *--start = '-';
    return start;
}

static const char *quoted_amount(Big units, Decimal grid) {
    const char *amount = shown(units, grid);
    size_t length = strlen(amount);
    char *result = allocate(&line_arena, length + 3, 1);
    result[0] = result[length + 1] = '"';
    memcpy(result + 1, amount, length);
    return result;
}

/* ================================================================ The run */

/* MRG-5: (notional * rate - deduction) / denominator; the fee of MRG-15 is in the rate. */
typedef struct {
    Big rate, deduction, denominator;
} Line;

typedef struct {
    Big above;
    Line maintenance, closeout; /* BKS-9 */
    uint64_t max_leverage;
} Tier;

/* MRK-1: of prices on other venues their median counts (MRK-4). */
enum { INDEX, BEST_BID, BEST_ASK, LAST, PERPS, INPUT_COUNT };

typedef struct {
    bool exists;
    Big value;     /* in billionths of a tick */
    uint64_t time; /* of its event */
} Input;

/* MRK-5; before the first sample all is 0. */
typedef struct {
    bool begun;
    uint64_t time; /* of the last sample */
    Decimal numerator, denominator;
    Big value; /* in billionths of a tick, as the last sample left it */
} Average;

typedef struct {
    Text name;
    Decimal tick, lot;
    Big unit; /* AMT-2 */
    Tier *tiers;
    size_t tier_count;
    bool has_mode[2], keeps_isolated; /* ACC-17, ACC-18 */
    bool settled;                     /* EVT-11 */
    Big mark, vault_size;
    Input inputs[INPUT_COUNT];
    Average basis, book;
} Market;

typedef enum { CROSS, ISOLATED } Mode;
typedef enum { NEW, HEALTHY, LIQUIDATABLE, PARTIALLY_LIQUIDATED, COOLDOWN, BACKSTOPPED, CLOSED } State;

/* CLD-1, CLD-3: its end, and its end as it was when the block began. */
typedef struct {
    uint64_t end, end_at_block;
} Window;

typedef struct {
    struct Pool *pool;
    Market *market;
    State state;
    Big size, cost; /* in lots, in quote units */
    Big order;      /* what is left of the working order, without sign; 0 for none */
    Big limit;      /* of that order (LIQ-17) */
    uint64_t leverage, life;
    bool attempted, failed; /* in this block (LIQ-12); with quantity left over (BKS-2) */
    Window window;
} Position;

/* Pools and positions are allocated on first lookup, and exist when they were used (ACC-3, LIF-2). */
typedef struct Pool {
    struct Account *account;
    Market *isolates; /* NULL for the cross pool */
    bool exists, in_liquidation;
    bool touched, unsettled; /* LIQ-6; step 5 is still to come (LIQ-7) */
    Big collateral;
    Window window;
    Position **positions; /* by market */
} Pool;

typedef struct Account {
    Text name;
    Window window;
    Pool **pools; /* the cross pool, then the isolated ones by market */
} Account;

typedef enum { SCOPE_POSITION, SCOPE_POOL, SCOPE_ACCOUNT } Scope;
typedef enum { FRACTION, RESTORE, TIER_DOWN, LOTS } Method;
typedef enum { AT_MARKET, AT_BANKRUPTCY, AT_BAND } OrderPrice;

typedef struct {
    Arena arena;
    Decimal quote_unit;
    Market *markets; /* by name */
    Account *accounts; /* by name */
    size_t market_count, account_count;
    bool ranked, stop_when_restored, has_threshold, restore_initial, market_attempt;
    bool begins_at_blocks; /* LIQ-18 */
    Big partial_threshold, min_order_notional, min_rest_notional;
    Rate partial_fraction, fee_rate, backstop_threshold, return_fraction, restore_factor;
    uint64_t cooldown_ms;
    Scope cooldown_scope;
    Method partial_method;
    uint64_t tier_steps, partial_lots; /* PRT-4 */
    OrderPrice order_price;
    Rate band;
    bool line_of_tiers;                            /* BKS-9 */
    bool rounds_margin_down, margin_of_cost;       /* MRG-13, MRG-14 */
    Rate close_fee_rate, withdraw_floor;           /* MRG-15; ACC-14, 0 for none */
    bool only_collateral_leaves, splits_crossings; /* ACC-15, ACC-16 */
    bool forms_marks, has_max_move, has_stale; /* MRK-1, MRK-7, MRK-2 */
    Rate max_move;
    uint64_t stale_ms;
    uint64_t time, block;
    Big vault_cash;
} Run;

static Run *run; /* NULL before the first reset */

static const Decimal ONE_MILLIONTH = {{1, false, {1}}, 6};
static const char *const MODES[] = {"cross", "isolated"};
static const char *const STATES[] = {"new", "healthy", "liquidatable", "partially_liquidated", "cooldown", "backstopped", "closed"};

/* ACC-1; not one that exists already, perhaps */
static Pool *pool_of(Account *account, Market *market, Mode mode) {
    Pool **place = &account->pools[mode == CROSS ? 0 : 1 + (market - run->markets)];
    if (*place == NULL) {
        *place = allocate(&run->arena, 1, sizeof(Pool));
        **place = (Pool){.account = account, .isolates = mode == CROSS ? NULL : market};
        (*place)->positions = allocate(&run->arena, run->market_count, sizeof(Position *));
    }
    return *place;
}

static Position *position_of(Pool *pool, Market *market) {
    Position **place = &pool->positions[market - run->markets];
    if (*place == NULL) {
        *place = allocate(&run->arena, 1, sizeof(Position));
        **place = (Position){.pool = pool, .market = market};
    }
    return *place;
}

/* LIF-3: open is the same as not of size 0. */
static bool is_open(const Position *position) { return position != NULL && sign(position->size) != 0; }

static bool is_working(const Position *position) { return position != NULL && sign(position->order) != 0; }

/* LIQ-7: by account name; the cross pool first, then the isolated ones by market name. */
static void each_pool(void (*action)(Pool *)) {
    for (size_t a = 0; a < run->account_count; a++)
        for (size_t p = 0; p <= run->market_count; p++) {
            Pool *pool = run->accounts[a].pools[p];
            if (pool != NULL && pool->exists) action(pool);
        }
}

/* LIF-4, OBS-1: by account, market and mode. */
static void each_position(void (*action)(Position *)) {
    for (size_t a = 0; a < run->account_count; a++)
        for (size_t m = 0; m < run->market_count; m++)
            for (Mode mode = CROSS; mode <= ISOLATED; mode++) {
                Pool *pool = run->accounts[a].pools[mode == CROSS ? 0 : 1 + m];
                Position *position = pool != NULL ? pool->positions[m] : NULL;
                if (position != NULL && position->state != NEW) action(position);
            }
}

static bool has_working_order(const Pool *pool) {
    for (size_t m = 0; m < run->market_count; m++)
        if (is_working(pool->positions[m])) return true;
    return false;
}

/* ================================================================ Configuration (CFG) */

static Decimal above_zero(Json *value, const char *what) {
    Decimal result = decimal(value, what);
    if (sign(result.mantissa) <= 0) refuse(BAD, "%s is %.*s, not above 0", what, SHOWN(value->text));
    return result;
}

/* AMT-4: off its grid is invalid. */
static Big configured_amount(Json *value, const char *what, Decimal grid) {
    Big units;
    if (!on_grid(decimal(value, what), grid, &units)) refuse(BAD, "%s is %.*s, off the grid", what, SHOWN(value->text));
    return units;
}

static Big not_below_zero(Json *value, const char *what, Decimal grid) {
    Big units = configured_amount(value, what, grid);
    if (sign(units) < 0) refuse(BAD, "%s is below 0", what);
    return units;
}

static uint64_t at_least_one(Json *value, const char *what) {
    uint64_t number = integer(value, what);
    if (number == 0) refuse(BAD, "%s is 0", what);
    return number;
}

/* CFG-2 */
static Rate share(Json *value, const char *what, bool zero_allowed) {
    Rate result = rate(value, what);
    bool valid = sign(result.numerator) >= (zero_allowed ? 0 : 1) && !less(result.denominator, result.numerator);
    if (!valid) refuse(BAD, "%s is %.*s, not a share between 0 and 1", what, SHOWN(value->text));
    return result;
}

/* Which of the choices a string is; an unknown one is refused. */
static int choice(Json *value, const char *what, const char *const *choices, int count) {
    Text text = of_kind(JSON_STRING, value, what)->text;
    for (int i = 0; i < count; i++)
        if (is_text(text, choices[i])) return i;
    refuse(BAD, "%s is %.*s, not one of those that there are", what, SHOWN(text));
}

static Text run_text(Run *new_run, Text text) {
    char *copy = allocate(&new_run->arena, text.length, 1);
    memcpy(copy, text.bytes, text.length);
    return (Text){copy, text.length};
}

/* MRG-5: the rate and the deduction of the tier before. */
typedef struct {
    Rate rate, deduction;
} Before;

/* MRG-5, MRG-8, MRG-15 */
static Line next_line(const Run *new_run, Before *before, Big above, Rate own_rate) {
    enum { WIDEST = 60 }; /* limbs of a denominator: the rest is for a notional and a rate */
    Rate step = add_product(own_rate, whole(1), (Rate){negated(before->rate.numerator), before->rate.denominator});
    if (sign(own_rate.numerator) <= 0 || sign(step.numerator) < 0) refuse(BAD, "the rates of tiers must be above 0 and must not fall");
    *before = (Before){own_rate, add_product(before->deduction, above, step)};
    Rate asked = add_product(own_rate, whole(1), new_run->close_fee_rate), deduction = before->deduction;
    if (less(asked.denominator, asked.numerator)) refuse(BAD, "maintenance_rate and close_fee_rate are above 1 together");
    if (deduction.denominator.length > WIDEST) refuse(BAD, "the tiers' rates have too large a common denominator for this engine");
    return (Line){multiply(asked.numerator, deduction.denominator), multiply(deduction.numerator, asked.denominator),
                  multiply(asked.denominator, deduction.denominator)};
}

/* MRG-8, BKS-9 */
static void read_tiers(Run *new_run, Market *market, Json *list) {
    Rate zero = {whole(0), whole(1)};
    Before maintenance = {zero, zero}, closeout = maintenance;
    bool has_closeout = new_run->line_of_tiers;
    market->tier_count = list->count;
    if (list->count == 0) refuse(BAD, "a market needs a tier");
    market->tiers = allocate(&new_run->arena, list->count, sizeof(Tier));
    for (size_t i = 0; i < list->count; i++) {
        Json *json = of_kind(JSON_OBJECT, list->items[i], "tier");
        Tier *tier = &market->tiers[i];
        tier->above = configured_amount(require(json, "above"), "above", new_run->quote_unit);
        tier->max_leverage = integer(require(json, "max_leverage"), "max_leverage");
        Rate own_rate = rate(require(json, "maintenance_rate"), "maintenance_rate");
        Json *value = take(json, "closeout_rate");
        no_other_fields(json, "tier");
        if (i == 0 ? sign(tier->above) != 0 : !less(tier[-1].above, tier->above)) refuse(BAD, "above must be 0 first, and then rise");
        if (tier->max_leverage < 1 || (i > 0 && tier[-1].max_leverage < tier->max_leverage)) refuse(BAD, "max_leverage must be at least 1 and must not rise");
        if (less(own_rate.denominator, multiply(own_rate.numerator, whole(tier->max_leverage)))) refuse(BAD, "maintenance_rate is above 1 / max_leverage");
        tier->maintenance = next_line(new_run, &maintenance, tier->above, own_rate);
        if (i == 0) has_closeout = has_closeout || value != NULL;
        if (has_closeout != (value != NULL)) refuse(BAD, "closeout_rate is missing in a tier");
        if (value == NULL) continue;
        Rate closeout_rate = rate(value, "closeout_rate");
        tier->closeout = next_line(new_run, &closeout, tier->above, closeout_rate);
        if (less(multiply(own_rate.numerator, closeout_rate.denominator), multiply(closeout_rate.numerator, own_rate.denominator)))
            refuse(BAD, "closeout_rate is above maintenance_rate");
    }
}

/* ACC-17 */
static void read_modes(Market *market, Json *list) {
    market->has_mode[CROSS] = market->has_mode[ISOLATED] = false;
    if (list->count == 0) refuse(BAD, "modes is empty");
    for (size_t i = 0; i < list->count; i++) {
        bool *has = &market->has_mode[choice(list->items[i], "modes", MODES, 2)];
        if (*has) refuse(BAD, "modes has a mode twice");
        *has = true;
    }
}

/* CFG-1, CFG-3, AMT-2 */
static void read_market(Run *new_run, Market *market, Json *json, Json *marks) {
    static const char *const removals[] = {"free", "never"};
    Json *value;
    of_kind(JSON_OBJECT, json, "market");
    market->name = run_text(new_run, name(json->key, "a market"));
    market->tick = above_zero(require(json, "tick"), "tick");
    market->lot = above_zero(require(json, "lot"), "lot");
    Decimal worth = {multiply(market->tick.mantissa, market->lot.mantissa), market->tick.scale + market->lot.scale};
    if (!on_grid(worth, new_run->quote_unit, &market->unit)) refuse(BAD, "tick times lot is not a whole number of quote units");
    read_tiers(new_run, market, of_kind(JSON_ARRAY, require(json, "tiers"), "tiers"));
    market->has_mode[CROSS] = market->has_mode[ISOLATED] = true;
    if ((value = take(json, "modes"))) read_modes(market, of_kind(JSON_ARRAY, value, "modes"));
    if ((value = take(json, "isolated_removal"))) market->keeps_isolated = choice(value, "isolated_removal", removals, 2) == 1;
    no_other_fields(json, "market");
    if (market->keeps_isolated && !market->has_mode[ISOLATED]) refuse(BAD, "isolated_removal is of isolated positions, and modes has none");
    Json wanted = {.key = json->key}, *key = &wanted;
    Json **mark = marks->count == 0 ? NULL : bsearch(&key, marks->items, marks->count, sizeof *marks->items, by_key);
    if (mark == NULL) refuse(BAD, "market %.*s has no mark", SHOWN(market->name));
    market->mark = configured_amount(*mark, "mark", market->tick);
    if (sign(market->mark) <= 0) refuse(BAD, "a mark must be above 0");
}

static void read_markets(Run *new_run, Json *markets, Json *marks) {
    new_run->market_count = markets->count;
    if (markets->count == 0) refuse(BAD, "a run needs a market");
    if (markets->count != marks->count) refuse(BAD, "marks must be of exactly the markets");
    new_run->markets = allocate(&new_run->arena, markets->count, sizeof(Market));
    for (size_t i = 0; i < markets->count; i++) read_market(new_run, &new_run->markets[i], markets->items[i], marks);
}

static int by_name(const void *left, const void *right) { return compare_texts(((const Account *)left)->name, ((const Account *)right)->name); }

static void read_accounts(Run *new_run, Json *list) {
    new_run->account_count = list->count;
    if (list->count == 0) refuse(BAD, "a run needs an account");
    new_run->accounts = allocate(&new_run->arena, list->count, sizeof(Account));
    for (size_t i = 0; i < list->count; i++)
        new_run->accounts[i].name = run_text(new_run, name(of_kind(JSON_STRING, list->items[i], "account")->text, "an account"));
    qsort(new_run->accounts, list->count, sizeof(Account), by_name);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0 && by_name(&new_run->accounts[i - 1], &new_run->accounts[i]) == 0) refuse(BAD, "an account is repeated");
        new_run->accounts[i].pools = allocate(&new_run->arena, 1 + new_run->market_count, sizeof(Pool *));
    }
}

/* LIQ-15 */
static void read_restore(Run *new_run, Json *json) {
    static const char *const measures[] = {"maintenance", "initial"};
    Json *value;
    of_kind(JSON_OBJECT, json, "restore");
    if ((value = take(json, "measure"))) new_run->restore_initial = choice(value, "measure", measures, 2) == 1;
    if ((value = take(json, "factor"))) {
        new_run->restore_factor = rate(value, "factor");
        if (less(new_run->restore_factor.numerator, new_run->restore_factor.denominator)) refuse(BAD, "factor is below 1");
    }
    no_other_fields(json, "restore");
}

/* LIQ-17 */
static void read_order_price(Run *new_run, Json *json) {
    static const char *const prices[] = {"market", "bankruptcy"};
    if (json->kind != JSON_OBJECT) {
        new_run->order_price = choice(json, "order_price", prices, 2) == 1 ? AT_BANKRUPTCY : AT_MARKET;
        return;
    }
    new_run->order_price = AT_BAND;
    new_run->band = share(require(json, "band"), "band", true);
    no_other_fields(json, "order_price");
}

static bool truth(Json *value, const char *what) { return is_text(of_kind(JSON_BOOLEAN, value, what)->text, "true"); }

static void read_liquidation(Run *new_run, Json *json) {
    static const char *const policies[] = {"all", "ranked"}, *const scopes[] = {"position", "pool", "account"};
    static const char *const methods[] = {"fraction", "restore", "tier_down", "lots"}, *const moments[] = {"event", "block"};
    Json *value;
    of_kind(JSON_OBJECT, json, "liquidation");
    if ((value = take(json, "order_policy"))) new_run->ranked = choice(value, "order_policy", policies, 2) == 1;
    if ((value = take(json, "stop_when_restored"))) new_run->stop_when_restored = truth(value, "stop_when_restored");
    if ((value = take(json, "partial_threshold"))) {
        new_run->has_threshold = true;
        new_run->partial_threshold = not_below_zero(value, "partial_threshold", new_run->quote_unit);
    }
    if ((value = take(json, "partial_fraction"))) new_run->partial_fraction = share(value, "partial_fraction", false);
    if ((value = take(json, "cooldown_ms"))) new_run->cooldown_ms = integer(value, "cooldown_ms");
    if ((value = take(json, "cooldown_scope"))) new_run->cooldown_scope = (Scope)choice(value, "cooldown_scope", scopes, 3);
    if ((value = take(json, "fee_rate"))) new_run->fee_rate = share(value, "fee_rate", true);
    if ((value = take(json, "restore"))) read_restore(new_run, value);
    if ((value = take(json, "partial_method"))) new_run->partial_method = (Method)choice(value, "partial_method", methods, 4);
    if ((value = take(json, "tier_steps"))) {
        if (new_run->partial_method != TIER_DOWN) refuse(BAD, "tier_steps is of the method tier_down");
        new_run->tier_steps = at_least_one(value, "tier_steps");
    }
    if ((value = take(json, "partial_lots"))) {
        if (new_run->partial_method != LOTS) refuse(BAD, "partial_lots is of the method lots");
        new_run->partial_lots = at_least_one(value, "partial_lots");
    }
    if ((value = take(json, "min_order_notional"))) new_run->min_order_notional = not_below_zero(value, "min_order_notional", new_run->quote_unit);
    if ((value = take(json, "min_rest_notional"))) new_run->min_rest_notional = not_below_zero(value, "min_rest_notional", new_run->quote_unit);
    if ((value = take(json, "order_price"))) read_order_price(new_run, value);
    if ((value = take(json, "market_attempt"))) new_run->market_attempt = truth(value, "market_attempt");
    if ((value = take(json, "assess_at"))) new_run->begins_at_blocks = choice(value, "assess_at", moments, 2) == 1;
    no_other_fields(json, "liquidation");
    /* PRT-4, PRT-5, LIQ-16: what would have no effect */
    bool chunks = new_run->partial_method != FRACTION || sign(new_run->min_order_notional) > 0 || sign(new_run->min_rest_notional) > 0;
    if (chunks && !new_run->has_threshold) refuse(BAD, "without partial_threshold no order is for a chunk");
    if ((chunks || new_run->order_price != AT_MARKET) && !new_run->market_attempt) refuse(BAD, "there are no orders");
}

static void read_backstop(Run *new_run, Json *json) {
    static const char *const lines[] = {"threshold", "tier"};
    Json *value;
    of_kind(JSON_OBJECT, json, "backstop");
    new_run->backstop_threshold = share(require(json, "threshold"), "threshold", false);
    if ((value = take(json, "return_fraction"))) new_run->return_fraction = share(value, "return_fraction", true);
    if ((value = take(json, "measure"))) new_run->line_of_tiers = choice(value, "measure", lines, 2) == 1;
    no_other_fields(json, "backstop");
}

/* MRG-13 to MRG-15 */
static void read_margin(Run *new_run, Json *json) {
    static const char *const roundings[] = {"up", "down"}, *const valuations[] = {"mark", "entry"};
    Json *value;
    of_kind(JSON_OBJECT, json, "margin");
    if ((value = take(json, "rounding"))) new_run->rounds_margin_down = choice(value, "rounding", roundings, 2) == 1;
    if ((value = take(json, "valuation"))) new_run->margin_of_cost = choice(value, "valuation", valuations, 2) == 1;
    if ((value = take(json, "close_fee_rate"))) new_run->close_fee_rate = share(value, "close_fee_rate", true);
    no_other_fields(json, "margin");
}

/* ACC-14, ACC-15 */
static void read_account(Run *new_run, Json *json) {
    static const char *const sources[] = {"equity", "collateral"};
    Json *value;
    of_kind(JSON_OBJECT, json, "account");
    if ((value = take(json, "withdraw_floor"))) new_run->withdraw_floor = share(value, "withdraw_floor", false);
    if ((value = take(json, "withdraw_from"))) new_run->only_collateral_leaves = choice(value, "withdraw_from", sources, 2) == 1;
    no_other_fields(json, "account");
}

/* ACC-16 */
static void read_trading(Run *new_run, Json *json) {
    static const char *const crossings[] = {"refuse", "split"};
    Json *value;
    of_kind(JSON_OBJECT, json, "trading");
    if ((value = take(json, "crossing"))) new_run->splits_crossings = choice(value, "crossing", crossings, 2) == 1;
    no_other_fields(json, "trading");
}

/* MRK-1: the table, even an empty one. */
static void read_mark(Run *new_run, Json *json) {
    Json *value;
    of_kind(JSON_OBJECT, json, "mark");
    new_run->forms_marks = true;
    if ((value = take(json, "max_move"))) new_run->max_move = share(value, "max_move", false), new_run->has_max_move = true;
    if ((value = take(json, "stale_ms"))) new_run->stale_ms = integer(value, "stale_ms"), new_run->has_stale = true;
    no_other_fields(json, "mark");
}

static void read_config(Run *new_run, Json *config) {
    Json *value;
    Rate one = {whole(1), whole(1)}, zero = {whole(0), whole(1)};
    of_kind(JSON_OBJECT, config, "config");
    new_run->quote_unit = (value = take(config, "quote_unit")) ? above_zero(value, "quote_unit") : ONE_MILLIONTH;
    if ((value = take(config, "time"))) new_run->time = integer(value, "time");
    new_run->stop_when_restored = new_run->market_attempt = true;
    new_run->partial_fraction = new_run->restore_factor = one;
    new_run->fee_rate = new_run->return_fraction = new_run->close_fee_rate = new_run->withdraw_floor = zero;
    new_run->cooldown_scope = SCOPE_POOL;
    new_run->tier_steps = new_run->partial_lots = 1;
    if ((value = take(config, "liquidation"))) read_liquidation(new_run, value);
    read_backstop(new_run, require(config, "backstop"));
    if ((value = take(config, "margin"))) read_margin(new_run, value);
    if ((value = take(config, "account"))) read_account(new_run, value);
    if ((value = take(config, "trading"))) read_trading(new_run, value);
    if ((value = take(config, "mark"))) read_mark(new_run, value);
    read_markets(new_run, of_kind(JSON_OBJECT, require(config, "markets"), "markets"), of_kind(JSON_OBJECT, require(config, "marks"), "marks"));
    read_accounts(new_run, of_kind(JSON_ARRAY, require(config, "accounts"), "accounts"));
    if ((value = take(config, "vault"))) {
        Json *cash = take(of_kind(JSON_OBJECT, value, "vault"), "cash");
        if (cash != NULL) new_run->vault_cash = configured_amount(cash, "cash", new_run->quote_unit);
        no_other_fields(value, "vault");
    }
    no_other_fields(config, "config");
}

/* ================================================================ Margin (MRG) */

static Big worth(const Market *market, Big size, Big price) { return multiply(multiply(size, price), market->unit); }

/* MRG-1 */
static Big unrealised_profit(const Position *position) {
    return subtract(worth(position->market, position->size, position->market->mark), position->cost);
}

/* MRG-2 */
static Big notional(const Position *position) { return absolute(worth(position->market, position->size, position->market->mark)); }

/* MRG-14: the notional that margins are asked of, at a mark. */
static Big asked_notional(const Position *position, Big mark) {
    return absolute(run->margin_of_cost ? position->cost : worth(position->market, position->size, mark));
}

/* MRG-4: the last one that starts strictly below the notional. */
static const Tier *tier_of(const Market *market, Big amount) {
    size_t i = 0;
    while (i + 1 < market->tier_count && less(market->tiers[i + 1].above, amount)) i++;
    return &market->tiers[i];
}

/* MRG-5, MRG-13 */
static Big margin_of(const Line *line, Big amount) {
    Big dividend = subtract(multiply(amount, line->rate), line->deduction);
    return (run->rounds_margin_down ? divide_down : divide_up)(dividend, line->denominator);
}

static Big maintenance_at(const Position *position, Big mark) {
    Big amount = asked_notional(position, mark);
    return margin_of(&tier_of(position->market, amount)->maintenance, amount);
}

static Big maintenance_margin(const Position *position) { return maintenance_at(position, position->market->mark); }

typedef struct {
    bool has_position;
    Big equity, maintenance, initial;
    Big line; /* the margin of which the threshold is a share (BKS-1, BKS-9) */
} Measures;

/* MRG-7, MRG-15 */
static Big initial_margin(const Position *position, const Tier *tier, Big amount) {
    Rate fee = run->close_fee_rate;
    Big leverage = whole(position->leverage < tier->max_leverage ? position->leverage : tier->max_leverage);
    Big factor = add(fee.denominator, multiply(fee.numerator, leverage));
    return divide_up(multiply(amount, factor), multiply(leverage, fee.denominator));
}

/* MRG-3, MRG-6, MRG-7 */
static Measures measure(const Pool *pool) {
    Measures sum = {.equity = pool->collateral};
    for (size_t m = 0; m < run->market_count; m++) {
        const Position *position = pool->positions[m];
        if (!is_open(position)) continue;
        Big amount = asked_notional(position, position->market->mark);
        const Tier *tier = tier_of(position->market, amount);
        sum.has_position = true;
        sum.equity = add(sum.equity, unrealised_profit(position));
        sum.maintenance = add(sum.maintenance, margin_of(&tier->maintenance, amount));
        sum.initial = add(sum.initial, initial_margin(position, tier, amount));
        if (run->line_of_tiers) sum.line = add(sum.line, margin_of(&tier->closeout, amount));
    }
    if (!run->line_of_tiers) sum.line = sum.maintenance;
    return sum;
}

/* MRG-9: closes a part, without sign; what it realises goes to the collateral. */
static void close_part(Position *position, Big closed, Big price) {
    Big released = divide_down(multiply(absolute(position->cost), closed), absolute(position->size));
    if (sign(position->cost) < 0) released = negated(released);
    if (sign(position->size) < 0) closed = negated(closed);
    Big realised = subtract(worth(position->market, closed, price), released);
    position->pool->collateral = add(position->pool->collateral, realised);
    position->size = subtract(position->size, closed);
    position->cost = subtract(position->cost, released);
}

/* LIQ-3 */
static bool is_breached(const Measures *measures) { return less(measures->equity, measures->maintenance); }

/* LIQ-4, LIQ-15 */
static bool is_restored(const Measures *measures) {
    Big measure = run->restore_initial ? measures->initial : measures->maintenance;
    Rate factor = run->restore_factor;
    return !is_breached(measures) && !less(multiply(measures->equity, factor.denominator), multiply(measure, factor.numerator));
}

/* LIQ-5 */
static bool needs_liquidation(const Pool *pool, const Measures *measures) {
    return is_breached(measures) || (pool->in_liquidation && !is_restored(measures));
}

/* BKS-1 */
static bool is_below_backstop(const Measures *measures) {
    Rate share = run->backstop_threshold;
    return less(multiply(measures->equity, share.denominator), multiply(measures->line, share.numerator));
}

/* ---- the prices of a position (OBS-5) */

/* MRG-10: by a search, because a long is breached up to some mark, and a short from some mark on; 0 for none. */
static Big liquidation_price(const Position *position, const Measures *pool) {
    const Market *market = position->market;
    const Tier *last = &market->tiers[market->tier_count - 1];
    bool is_long = sign(position->size) > 0;
    bool endless = is_long && !run->margin_of_cost && !less(last->maintenance.rate, last->maintenance.denominator);
    Big equity = subtract(pool->equity, worth(market, position->size, market->mark));
    Big others = subtract(pool->maintenance, maintenance_margin(position));
    Big low = whole(0), middle = market->mark, high = whole(0); /* 0: not known yet */
    while (sign(high) == 0 || less(whole(1), subtract(high, low))) {
        Measures there = {.equity = add(equity, worth(market, position->size, middle)), .maintenance = add(others, maintenance_at(position, middle))};
        bool below = is_breached(&there) == is_long;
        *(below ? &low : &high) = middle;
        if (below && endless && less(last->above, absolute(worth(market, position->size, middle)))) return whole(0);
        middle = sign(high) == 0 ? add(low, low) : divide_down(add(low, high), whole(2));
    }
    return is_long ? low : high;
}

/* MRG-11, in units of 10^-18 */
static Big bankruptcy_price(const Position *position, const Measures *pool) {
    const Market *market = position->market;
    bool is_long = sign(position->size) > 0;
    Big ticks = (is_long ? subtract : add)(absolute(worth(market, position->size, market->mark)), pool->equity);
    Big dividend = multiply(multiply(ticks, market->tick.mantissa), power_of_ten(18));
    Big divisor = multiply(absolute(worth(market, position->size, whole(1))), power_of_ten(market->tick.scale));
    return (is_long ? divide_up : divide_down)(dividend, divisor);
}

/* ================================================================ The mark price (MRK) */

/* MRK-5: decimals of 28 digits; the scale may be below 0. Prices are in billionths of a tick here. */
enum { SIGNIFICANT = 28, NINE = 9 };

/* To the nearest; of two that are equally near to the even one. */
static Big divide_even(Big dividend, Big divisor) {
    Big down = divide_down(dividend, divisor);
    Big rest = subtract(dividend, multiply(down, divisor));
    int order = compare(add(rest, rest), divisor);
    bool odd = down.length > 0 && down.limb[0] % 2 != 0;
    return order > 0 || (order == 0 && odd) ? add(down, whole(1)) : down;
}

static int digits_of(Big number) {
    int digits = number.length > 0 ? (number.length - 1) * 9 : 0; /* each limb but the first is worth more than nine */
    number = absolute(number);
    for (Big power = power_of_ten(digits); !less(number, power); power = multiply(power, whole(10))) digits++;
    return digits;
}

static Decimal rounded(Big mantissa, int scale) {
    int excess = digits_of(mantissa) - SIGNIFICANT;
    return excess > 0 ? (Decimal){divide_even(mantissa, power_of_ten(excess)), scale - excess} : (Decimal){mantissa, scale};
}

static Decimal sum_of(Decimal left, Decimal right) {
    int scale = left.scale > right.scale ? left.scale : right.scale;
    left.mantissa = multiply(left.mantissa, power_of_ten(scale - left.scale));
    right.mantissa = multiply(right.mantissa, power_of_ten(scale - right.scale));
    return rounded(add(left.mantissa, right.mantissa), scale);
}

/* Below 10^-28 it counts as 0. */
static Decimal product_of(Decimal left, Decimal right) {
    Decimal product = rounded(multiply(left.mantissa, right.mantissa), left.scale + right.scale);
    return digits_of(product.mantissa) - product.scale <= -SIGNIFICANT ? (Decimal){whole(0), 0} : product;
}

/* For a divisor above 0. One digit more than needed says whether there was a remainder. */
static Decimal quotient_of(Decimal dividend, Decimal divisor) {
    int more = digits_of(divisor.mantissa) - digits_of(dividend.mantissa);
    more = (more > 0 ? more : 0) + SIGNIFICANT + 2;
    Big remainder, quotient = divide(multiply(absolute(dividend.mantissa), power_of_ten(more)), divisor.mantissa, &remainder);
    quotient = add(multiply(quotient, whole(10)), whole(sign(remainder) != 0));
    if (sign(dividend.mantissa) < 0) quotient = negated(quotient);
    return rounded(quotient, dividend.scale - divisor.scale + more + 1);
}

/* e^-exponent for an exponent of at least 0; from 1000 on it is 0, as no price is long enough to show it. */
static Decimal decay(Decimal exponent) {
    Big one = power_of_ten(60), sum = whole(0), unit = power_of_ten(exponent.scale);
    if (!less(exponent.mantissa, multiply(unit, whole(1000)))) return (Decimal){whole(0), 0};
    uint64_t n = 0;
    for (Big term = one; sign(term) > 0; term = divide_down(multiply(term, exponent.mantissa), multiply(unit, whole(++n)))) sum = add(sum, term);
    return quotient_of((Decimal){one, 0}, (Decimal){sum, 0});
}

/* MRK-5: adds a sample in billionths. */
static void add_sample(Average *average, Big sample, uint64_t tau) {
    Decimal lasted = {whole(average->begun ? run->time - average->time : 0), 0};
    Decimal factor = decay(quotient_of(lasted, (Decimal){whole(tau), 0}));
    average->numerator = sum_of(product_of(average->numerator, factor), product_of((Decimal){sample, NINE}, lasted));
    average->denominator = sum_of(product_of(average->denominator, factor), lasted);
    average->begun = true;
    average->time = run->time;
    average->value = sample;
    if (sign(average->denominator.mantissa) == 0) return;
    Decimal quotient = quotient_of(average->numerator, average->denominator);
    int scale = quotient.scale - NINE;
    average->value = scale > 0 ? divide_even(quotient.mantissa, power_of_ten(scale)) : multiply(quotient.mantissa, power_of_ten(-scale));
}

static int by_size(const void *left, const void *right) { return compare(*(const Big *)left, *(const Big *)right); }

static Big *sorted(Big *prices, int count) {
    qsort(prices, (size_t)count, sizeof *prices, by_size);
    return prices;
}

static Big billionths(Big ticks) { return multiply(ticks, whole(1000000000)); }

/* Of whole ticks, so it is exact. */
static Big mean(Big left, Big right) { return divide_down(add(left, right), whole(2)); }

/* MRK-3, MRK-6, with the samples of MRK-5; the candidates and how many there are. */
static int candidates(Market *market, const Input *inputs, Big *prices) {
    const Input *index = &inputs[INDEX], *bid = &inputs[BEST_BID], *ask = &inputs[BEST_ASK], *last = &inputs[LAST];
    bool has_book = bid->exists && ask->exists;
    int count = 0;
    if (!index->exists && !has_book && !inputs[PERPS].exists) refuse("no_price", "no index, no book and no prices on other venues");
    if (has_book) {
        Big mid = mean(bid->value, ask->value), book[] = {bid->value, ask->value, last->value};
        prices[count++] = last->exists ? sorted(book, 3)[1] : mid;
        add_sample(&market->book, prices[0], 30000);
        if (index->exists) add_sample(&market->basis, subtract(mid, index->value), 150000);
    }
    if (index->exists) {
        Big spot = add(index->value, market->basis.value), least = billionths(whole(1));
        prices[count++] = less(spot, least) ? least : spot;
    }
    if (inputs[PERPS].exists) prices[count++] = inputs[PERPS].value;
    if (has_book && count == 2) prices[count++] = market->book.value;
    return count;
}

/* MRK-7 */
static Big limited(Big mark, Big previous) {
    if (!run->has_max_move) return mark;
    Big most = divide_down(multiply(previous, run->max_move.numerator), run->max_move.denominator);
    if (sign(most) == 0) most = whole(1);
    Big lowest = subtract(previous, most), highest = add(previous, most);
    return less(mark, lowest) ? lowest : less(highest, mark) ? highest : mark;
}

/* ================================================================ Lifecycle (LIF-1: the table of machine.toml) */

typedef enum { T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12 } Transition;

#define FROM(state) (1u << (state))
#define FROM_OPEN (FROM(HEALTHY) | FROM(COOLDOWN) | FROM(LIQUIDATABLE) | FROM(PARTIALLY_LIQUIDATED))
#define FROM_LIQUIDATED (FROM(LIQUIDATABLE) | FROM(PARTIALLY_LIQUIDATED))

static const struct {
    unsigned from;
    State to;
} TRANSITIONS[] = {
    [T0] = {FROM(NEW) | FROM(CLOSED), HEALTHY},           /* open */
    [T1] = {FROM(HEALTHY), LIQUIDATABLE},                 /* assess: needs liquidation */
    [T2] = {FROM(COOLDOWN), LIQUIDATABLE},                /* assess: needs liquidation */
    [T3] = {FROM(LIQUIDATABLE), COOLDOWN},                /* assess: restored, own window open */
    [T4] = {FROM(LIQUIDATABLE), HEALTHY},                 /* assess: restored, own window not open */
    [T5] = {FROM_LIQUIDATED, BACKSTOPPED},                /* assess: below the backstop line, the book failed */
    [T6] = {FROM_LIQUIDATED, PARTIALLY_LIQUIDATED},       /* fill: size remains */
    [T7] = {FROM_LIQUIDATED, CLOSED},                     /* fill: no size remains */
    [T8] = {FROM(PARTIALLY_LIQUIDATED), COOLDOWN},        /* block: own window open */
    [T9] = {FROM(PARTIALLY_LIQUIDATED), HEALTHY},         /* block: own window not open */
    [T10] = {FROM(COOLDOWN), HEALTHY},                    /* block: own window not open */
    [T11] = {FROM(BACKSTOPPED), CLOSED},                  /* block */
    [T12] = {FROM_OPEN, CLOSED},                          /* reduce: no size remains */
};

/* "alice/BTC/cross" */
static const char *key_of(const Position *position) {
    Text account = position->pool->account->name, market = position->market->name;
    char *key = allocate(&line_arena, account.length + market.length + 16, 1);
    sprintf(key, "%.*s/%.*s/%s", (int)account.length, account.bytes, (int)market.length, market.bytes, MODES[position->pool->isolates != NULL]);
    return quoted((Text){key, strlen(key)});
}

/* Changes the state, and reports it among the effects: ["T1", "alice/BTC/cross"]. */
static void transition(Position *position, Transition number) {
    if (!(TRANSITIONS[number].from & FROM(position->state))) {
        fprintf(stderr, "T%d from %s\n", number, STATES[position->state]);
        abort();
    }
    position->state = TRANSITIONS[number].to;
    write_to(&effects, "%s[\"T%d\",%s]", separator(&effects), number, key_of(position));
}

/* CLD-2 */
static bool own_window_open(const Position *position) { return run->time < position->window.end; }

/* ================================================================ Cooldown and order size (CLD, PRT) */

static Window *scope_window(Position *position) {
    switch (run->cooldown_scope) {
        case SCOPE_ACCOUNT: return &position->pool->account->window;
        case SCOPE_POOL: return &position->pool->window;
        default: return &position->window;
    }
}

/* CLD-1, CLD-4: it only gets longer. */
static void open_window(Window *window) {
    uint64_t end = run->time + run->cooldown_ms;
    if (window->end < end) window->end = end;
}

/* CLD-3: a window counts with the end that it had when this block began. */
static bool is_forced_to_full_size(Position *position) { return run->time < scope_window(position)->end_at_block; }

/* FIL-2: what a fill that is already made costs, if equity covers it. */
static Big fee_of(const Pool *pool, Big filled_worth) {
    Big fee = divide_up(multiply(run->fee_rate.numerator, filled_worth), run->fee_rate.denominator);
    Big equity = measure(pool).equity;
    return !less(equity, fee) ? fee : sign(equity) > 0 ? equity : whole(0);
}

/* PRT-4: whether the pool would be restored after these lots were filled at the mark. */
static bool is_enough(Position *position, Big lots) {
    Position position_before = *position;
    Pool *pool = position->pool;
    Big mark = position->market->mark, collateral_before = pool->collateral;
    close_part(position, lots, mark);
    pool->collateral = subtract(pool->collateral, fee_of(pool, worth(position->market, lots, mark)));
    Measures after = measure(pool);
    *position = position_before;
    pool->collateral = collateral_before;
    return is_restored(&after);
}

/* PRT-4 */
static Big restoring_lots(Position *position) {
    Big low = whole(0), high = absolute(position->size);
    while (less(whole(1), subtract(high, low))) {
        Big middle = divide_down(add(low, high), whole(2));
        *(is_enough(position, middle) ? &high : &low) = middle;
    }
    return high;
}

/* PRT-4 */
static Big lots_to_lower_tier(const Position *position) {
    const Market *market = position->market;
    const Tier *tier = tier_of(market, notional(position));
    Big size = absolute(position->size);
    if ((uint64_t)(tier - market->tiers) < run->tier_steps) return size;
    return subtract(size, divide_down(tier[1 - (ptrdiff_t)run->tier_steps].above, worth(market, whole(1), market->mark)));
}

/* PRT-3, PRT-4 */
static Big chunk_of(Position *position) {
    Big size = absolute(position->size), lots = whole(run->partial_lots);
    switch (run->partial_method) {
        case RESTORE: return restoring_lots(position);
        case TIER_DOWN: return lots_to_lower_tier(position);
        case LOTS: return less(lots, size) ? lots : size;
        default: return divide_up(multiply(run->partial_fraction.numerator, size), run->partial_fraction.denominator);
    }
}

/* PRT-1, PRT-2, PRT-5 */
static Big order_size(Position *position, const Measures *measures) {
    Big size = absolute(position->size), lot = worth(position->market, whole(1), position->market->mark);
    bool in_chunks = run->has_threshold && less(run->partial_threshold, notional(position)) && !is_below_backstop(measures) &&
                     !is_forced_to_full_size(position);
    if (!in_chunks) return size;
    Big chunk = chunk_of(position), least = divide_up(run->min_order_notional, lot);
    if (less(chunk, least)) chunk = least;
    return less(multiply(subtract(size, chunk), lot), run->min_rest_notional) || less(size, chunk) ? size : chunk;
}

/* LIQ-17: the pool's equity is spread over its positions by their maintenance margins. */
static Big limit_of(const Position *position, const Measures *measures) {
    Rate band = run->band;
    Big mark = position->market->mark, dividend, divisor;
    bool sells = sign(position->size) > 0;
    if (run->order_price == AT_BAND) {
        dividend = multiply(mark, (sells ? subtract : add)(band.denominator, band.numerator));
        divisor = band.denominator;
    } else {
        Big own = maintenance_margin(position), all = measures->maintenance;
        if (sign(all) == 0) own = all = whole(1);
        divisor = multiply(worth(position->market, absolute(position->size), whole(1)), all);
        dividend = multiply(measures->equity, own);
        dividend = (sells ? subtract : add)(multiply(mark, divisor), dividend);
    }
    Big limit = (sells ? divide_up : divide_down)(dividend, divisor);
    return sign(limit) > 0 ? limit : whole(1);
}

/* ================================================================ The backstop (BKS) */

/* BKS-2, LIQ-16 */
static bool book_failed(const Pool *pool) {
    if (!run->market_attempt) return true;
    for (size_t m = 0; m < run->market_count; m++)
        if (is_open(pool->positions[m]) && !pool->positions[m]->failed) return false;
    return true;
}

/* BKS-2: leaving liquidation clears the failures, and does not undo an attempt. */
static void leave_liquidation(Pool *pool) {
    pool->in_liquidation = false;
    for (size_t m = 0; m < run->market_count; m++)
        if (pool->positions[m] != NULL) pool->positions[m]->failed = false;
}

/* BKS-3, BKS-4 */
static void backstop(Pool *pool, const Measures *measures) {
    Big equity = sign(measures->equity) > 0 ? measures->equity : whole(0);
    Big returned = divide_down(multiply(equity, run->return_fraction.numerator), run->return_fraction.denominator);
    for (size_t m = 0; m < run->market_count; m++) {
        Position *position = pool->positions[m];
        if (!is_open(position)) continue;
        position->market->vault_size = add(position->market->vault_size, position->size);
        run->vault_cash = subtract(run->vault_cash, position->cost);
        position->size = position->cost = position->order = whole(0);
        transition(position, T5);
    }
    run->vault_cash = add(run->vault_cash, subtract(pool->collateral, returned));
    pool->collateral = returned;
    leave_liquidation(pool);
}

/* BKS-7: what a pool without positions owes is paid by the vault. */
static void cover_deficit(Pool *pool) {
    if (sign(pool->collateral) >= 0) return;
    run->vault_cash = add(run->vault_cash, pool->collateral);
    pool->collateral = whole(0);
}

/* ================================================================ The assessment of a pool (LIQ) */

/* LIQ-8: step 1. Each step says whether the assessment is done. */
static bool is_done_without_position(Pool *pool, const Measures *measures) {
    if (measures->has_position) return false;
    leave_liquidation(pool);
    cover_deficit(pool);
    return true;
}

/* LIQ-9: step 2. A cancelled order is not an attempt. */
static bool is_done_while_order_works(Pool *pool, const Measures *measures) {
    if (!has_working_order(pool)) return false;
    if (!is_restored(measures) || !run->stop_when_restored) return true;
    for (size_t m = 0; m < run->market_count; m++)
        if (is_working(pool->positions[m])) {
            pool->positions[m]->order = whole(0);
            pool->positions[m]->attempted = false;
        }
    return false;
}

/* LIQ-10: step 3 */
static bool is_done_when_restored(Pool *pool, const Measures *measures) {
    if (needs_liquidation(pool, measures)) return false;
    leave_liquidation(pool);
    for (size_t m = 0; m < run->market_count; m++) {
        Position *position = pool->positions[m];
        if (is_open(position) && position->state == LIQUIDATABLE) transition(position, own_window_open(position) ? T3 : T4);
    }
    return true;
}

/* LIQ-12, LIQ-14: at most the position, and once per life and block. */
static void emit_order(Position *position, const Measures *measures) {
    position->order = order_size(position, measures);
    if (run->order_price != AT_MARKET) position->limit = limit_of(position, measures);
    position->attempted = true;
}

/* LIQ-11, LIQ-16: step 4 */
static bool is_done_by_orders(Pool *pool, const Measures *measures) {
    Position *largest = NULL;
    bool emitted = false;
    pool->in_liquidation = true;
    for (size_t m = 0; m < run->market_count; m++) {
        Position *position = pool->positions[m];
        if (!is_open(position)) continue;
        if (position->state == HEALTHY) transition(position, T1);
        if (position->state == COOLDOWN) transition(position, T2);
        if (position->state != LIQUIDATABLE || position->attempted || !run->market_attempt) continue;
        emitted = true;
        if (!run->ranked)
            emit_order(position, measures);
        else if (largest == NULL || less(maintenance_margin(largest), maintenance_margin(position)))
            largest = position;
    }
    if (largest != NULL) emit_order(largest, measures);
    return emitted;
}

static void assess_first_steps(Pool *pool) {
    if (!pool->touched) return;
    Measures measures = measure(pool);
    pool->touched = false;
    pool->unsettled = !is_done_without_position(pool, &measures) && !is_done_while_order_works(pool, &measures) &&
                      !is_done_when_restored(pool, &measures) && !is_done_by_orders(pool, &measures);
}

/* LIQ-13: step 5, backstop or wait */
static void assess_last_step(Pool *pool) {
    if (!pool->unsettled) return;
    Measures measures = measure(pool);
    pool->unsettled = false;
    if (is_below_backstop(&measures) && book_failed(pool)) backstop(pool, &measures);
}

/* LIQ-6, LIQ-7: steps 1 to 4 of all touched pools, then step 5 of all. */
static void assess_touched_pools(void) {
    each_pool(assess_first_steps);
    each_pool(assess_last_step);
}

static void touch(Pool *pool) { pool->touched = true; }

/* LIQ-18: where liquidations begin at blocks, no other event assesses such a pool. */
static void leave_to_block(Pool *pool) {
    if (pool->touched && !pool->in_liquidation) pool->touched = !measure(pool).has_position;
}

/* ================================================================ Events (EVT) */

/* The kinds from INPUT on, INPUT + INDEX and so on, are optional, as is OPTIONAL_LEVERAGE. */
typedef enum { ACCOUNT, MARKET, ISOLATED_MARKET, MODE, SIZE, PRICE, MONEY, LEVERAGE, OPTIONAL_LEVERAGE, TIME, PRICES, INPUT } FieldKind;
typedef enum { ANY, POSITIVE, NOT_ZERO } Limit;

typedef struct {
    const char *name;
    FieldKind kind;
    Limit limit;
} Field;

/* An amount of an event: the string, what it must be, and the whole number of its units. */
typedef struct {
    const Field *field;
    Json *json;
    Decimal decimal;
    Market *market;
    Big units;
    uint64_t weight; /* of a price of `perps` */
} Amount;

typedef struct {
    Account *account;
    Market *market;
    Mode mode;
    Amount *amounts; /* in the order of the table; the prices of `marks` by market name */
    size_t amount_count;
    Big size, price, money;
    bool has_leverage;
    uint64_t leverage, time;
} Event;

/* ---- deposits, withdrawals, transfers */

/* ACC-4 */
static void apply_deposit(Event *event) {
    Pool *pool = pool_of(event->account, NULL, CROSS);
    pool->collateral = add(pool->collateral, event->money);
    touch(pool);
}

static void refuse_working_order(Pool *pool) {
    if (has_working_order(pool)) refuse("order_working", "a liquidation order of the pool is working");
}

static void refuse_insufficient(const char *measure, Big value, Big limit) {
    refuse("insufficient_margin", "%s would be %s, the limit is %s", measure, shown(value, run->quote_unit), shown(limit, run->quote_unit));
}

static void refuse_liquidation(const Pool *pool) {
    if (pool->in_liquidation) refuse("in_liquidation", "the pool is in liquidation");
}

/* ACC-14: at the marks, also with MRG-14. */
static Big notional_of_pool(const Pool *pool) {
    Big sum = whole(0);
    for (size_t m = 0; m < run->market_count; m++)
        if (is_open(pool->positions[m])) sum = add(sum, notional(pool->positions[m]));
    return sum;
}

/* ACC-5, ACC-14, ACC-15: money leaves a pool only from above its initial margin. */
static void check_payment(Pool *pool, Big amount) {
    Measures measures = measure(pool);
    Big equity = subtract(measures.equity, amount), collateral = subtract(pool->collateral, amount);
    Big floor = divide_up(multiply(notional_of_pool(pool), run->withdraw_floor.numerator), run->withdraw_floor.denominator);
    refuse_working_order(pool);
    refuse_liquidation(pool);
    if (less(equity, measures.initial)) refuse_insufficient("equity", equity, measures.initial);
    if (less(equity, floor)) refuse_insufficient("equity", equity, floor);
    if (run->only_collateral_leaves && sign(collateral) < 0) refuse_insufficient("collateral", collateral, whole(0));
}

static void apply_withdraw(Event *event) {
    Pool *pool = pool_of(event->account, NULL, CROSS);
    check_payment(pool, event->money);
    pool->collateral = subtract(pool->collateral, event->money);
    touch(pool);
}

/* ACC-6 */
static void apply_transfer(Event *event) {
    Pool *cross = pool_of(event->account, NULL, CROSS), *isolated = pool_of(event->account, event->market, ISOLATED);
    if (sign(event->money) < 0 && event->market->keeps_isolated && measure(isolated).has_position)
        refuse("removal_not_allowed", "the collateral stays until the position is closed");
    check_payment(sign(event->money) > 0 ? cross : isolated, absolute(event->money));
    isolated->exists = true; /* ACC-3 */
    cross->collateral = subtract(cross->collateral, event->money);
    isolated->collateral = add(isolated->collateral, event->money);
    touch(cross);
    touch(isolated);
}

/* ACC-12: no margin is asked for. */
static void apply_adjust(Event *event) {
    Pool *pool = pool_of(event->account, event->market, event->mode);
    if (!pool->exists) refuse("not_open", "the isolated pool was never used");
    pool->collateral = add(pool->collateral, event->money);
    touch(pool);
}

/* ---- trades */

/* LIF-2: nothing of an earlier life carries over. */
static void begin_life(Position *position) {
    transition(position, T0);
    position->life++;
    position->attempted = position->failed = false;
    position->window = (Window){0, 0};
}

/* ACC-8, ACC-13 */
static void check_leverage(const Event *event) {
    uint64_t most = event->market->tiers[0].max_leverage;
    if (event->leverage < 1 || event->leverage > most)
        refuse("bad_leverage", "leverage is %llu, not from 1 to %llu", (unsigned long long)event->leverage, (unsigned long long)most);
}

/* ACC-8; and ACC-16, where what there is is closed first. */
static void open_or_increase(Event *event, Position *position) {
    Pool *pool = position->pool;
    bool turning = sign(position->size) * sign(event->size) < 0, opening = turning || sign(position->size) == 0, partly_liquidated = false;
    for (size_t m = 0; m < run->market_count; m++)
        partly_liquidated = partly_liquidated || (is_open(pool->positions[m]) && pool->positions[m]->state == PARTIALLY_LIQUIDATED);
    if (pool->in_liquidation || partly_liquidated) refuse("in_liquidation", "the pool is in liquidation, or was in this block");
    if (opening && !event->has_leverage) refuse("bad_leverage", "leverage is missing: opening needs one");
    if (event->has_leverage) check_leverage(event);

    Position before = *position;
    Big collateral_before = pool->collateral, added = event->size;
    if (turning) {
        added = add(event->size, position->size);
        close_part(position, absolute(position->size), event->price);
    }
    position->size = add(position->size, added);
    position->cost = add(position->cost, worth(event->market, added, event->price));
    if (event->has_leverage) position->leverage = event->leverage;
    Measures after = measure(pool);
    if (less(after.equity, after.initial)) {
        *position = before;
        pool->collateral = collateral_before;
        refuse_insufficient("equity", after.equity, after.initial);
    }
    if (turning) transition(position, T12);
    if (opening) begin_life(position);
    pool->exists = true; /* ACC-3 */
}

/* ACC-9: one of the four reasons to accept. */
static bool is_no_worse(const Measures *before, const Measures *after) {
    Big least = sign(before->equity) < 0 ? before->equity : whole(0);
    if (!after->has_position && !less(after->equity, least)) return true;
    if (!is_breached(after)) return true;
    if (is_breached(before) && sign(before->equity) >= 0 &&
        !less(multiply(after->equity, before->maintenance), multiply(before->equity, after->maintenance)))
        return true;
    return sign(before->equity) < 0 && !less(after->equity, before->equity);
}

/* ACC-9, ACC-11 */
static void reduce(Event *event, Position *position) {
    if (event->has_leverage) refuse("bad_leverage", "leverage is %llu, but a reduction has none", (unsigned long long)event->leverage);
    Position position_before = *position;
    Big collateral_before = position->pool->collateral;
    Measures before = measure(position->pool);
    close_part(position, absolute(event->size), event->price);
    Measures after = measure(position->pool);
    if (!is_no_worse(&before, &after)) {
        *position = position_before;
        position->pool->collateral = collateral_before;
        refuse_insufficient("equity", after.equity, after.maintenance);
    }
    if (!is_open(position)) transition(position, T12);
}

static void refuse_settled(const Market *market) {
    if (market->settled) refuse("market_settled", "the market is settled");
}

/* ACC-7, ACC-16, ACC-17 */
static void apply_trade(Event *event) {
    Pool *pool = pool_of(event->account, event->market, event->mode);
    Position *position = position_of(pool, event->market);
    bool reducing = sign(position->size) * sign(event->size) < 0, crossing = reducing && less(absolute(position->size), absolute(event->size));
    refuse_settled(event->market);
    if (!event->market->has_mode[event->mode]) refuse("mode_not_allowed", "the market is not traded in mode %s", MODES[event->mode]);
    if (position->state == BACKSTOPPED) refuse("not_open", "the position is backstopped until the next block");
    refuse_working_order(pool);
    if (crossing && !run->splits_crossings)
        refuse("crosses_zero", "size is %s, the position is of %s", shown(event->size, event->market->lot), shown(position->size, event->market->lot));
    (reducing && !crossing ? reduce : open_or_increase)(event, position);
    touch(pool);
}

/* ACC-13 */
static void apply_leverage(Event *event) {
    Pool *pool = pool_of(event->account, event->market, event->mode);
    Position *position = position_of(pool, event->market);
    uint64_t before = position->leverage;
    if (!is_open(position)) refuse("not_open", "the position is not open");
    refuse_working_order(pool);
    refuse_liquidation(pool);
    check_leverage(event);
    position->leverage = event->leverage;
    Measures after = measure(pool);
    if (event->leverage < before && less(after.equity, after.initial)) {
        position->leverage = before;
        refuse_insufficient("equity", after.equity, after.initial);
    }
    touch(pool);
}

/* ---- marks and funding */

static Market *affected_market; /* what each_pool and each_position work on */
static Big affected_payment;

static void touch_if_open(Pool *pool) {
    if (is_open(pool->positions[affected_market - run->markets])) touch(pool);
}

/* EVT-5, LIQ-6: all marks first, then one assessment. */
static void apply_marks(Event *event) {
    for (size_t i = 0; i < event->amount_count; i++) {
        affected_market = event->amounts[i].market;
        affected_market->mark = event->amounts[i].units;
        each_pool(touch_if_open);
    }
}

/* EVT-11: at the mark, which is the price by now. */
static void settle_position(Pool *pool) {
    Position *position = pool->positions[affected_market - run->markets];
    if (!is_open(position)) return;
    close_part(position, absolute(position->size), affected_market->mark);
    position->order = whole(0);
    transition(position, T12);
    touch(pool);
}

static void apply_settle(Event *event) {
    Market *market = affected_market = event->market;
    refuse_settled(market);
    market->settled = true;
    market->mark = event->price;
    each_pool(settle_position);
    run->vault_cash = add(run->vault_cash, worth(market, market->vault_size, market->mark));
    market->vault_size = whole(0);
}

static int by_price(const void *left, const void *right) { return compare(((const Amount *)left)->units, ((const Amount *)right)->units); }

/* MRK-4, in billionths: the mean of the prices at which half of the weight is reached and is exceeded, mostly one and the same. */
static Big weighted_median(Amount *entries, size_t count) {
    Big total = whole(0), reached = whole(0), lower = whole(0);
    for (size_t i = 0; i < count; i++) total = add(total, whole(entries[i].weight));
    qsort(entries, count, sizeof *entries, by_price);
    for (;; entries++) {
        reached = add(reached, whole(entries->weight));
        int order = compare(add(reached, reached), total);
        if (order >= 0 && sign(lower) == 0) lower = entries->units;
        if (order > 0) return mean(billionths(lower), billionths(entries->units));
    }
}

/* MRK-1, MRK-2, MRK-6 */
static void apply_price_inputs(Event *event) {
    if (!run->forms_marks) refuse("not_formed", "the configuration has no table mark");
    Market *market = affected_market = event->market;
    Input inputs[INPUT_COUNT];
    for (int i = 0; i < INPUT_COUNT; i++) {
        inputs[i] = market->inputs[i];
        inputs[i].exists = inputs[i].exists && run->has_stale && run->time - inputs[i].time <= run->stale_ms;
    }
    size_t given = 0;
    for (; given < event->amount_count && event->amounts[given].field->kind < INPUT + PERPS; given++)
        inputs[event->amounts[given].field->kind - INPUT] = (Input){true, billionths(event->amounts[given].units), run->time};
    if (given < event->amount_count) inputs[PERPS] = (Input){true, weighted_median(event->amounts + given, event->amount_count - given), run->time};
    Big prices[3];
    int count = candidates(market, inputs, prices);
    memcpy(market->inputs, inputs, sizeof inputs);
    sorted(prices, count);
    Big twice = add(prices[(count - 1) / 2], prices[count / 2]); /* MRK-6 */
    market->mark = limited(divide_even(twice, billionths(whole(2))), market->mark);
    each_pool(touch_if_open);
}

/* EVT-6: size in units of the market times payment, rounded up. */
static Big funding_payment(const Market *market, Big size) {
    return divide_up(multiply(multiply(size, market->lot.mantissa), affected_payment), power_of_ten(market->lot.scale));
}

static void pay_funding(Position *position) {
    if (position->market != affected_market || !is_open(position)) return;
    position->pool->collateral = subtract(position->pool->collateral, funding_payment(position->market, position->size));
    touch(position->pool);
}

static void apply_funding(Event *event) {
    affected_market = event->market;
    affected_payment = event->money;
    each_position(pay_funding);
    run->vault_cash = subtract(run->vault_cash, funding_payment(event->market, event->market->vault_size));
}

/* ---- the execution of orders (FIL) */

static Position *position_with_order(Event *event) {
    Position *position = position_of(pool_of(event->account, event->market, event->mode), event->market);
    if (!is_working(position)) refuse("no_working_order", "the position has no working liquidation order");
    return position;
}

/* FIL-2 */
static void pay_fee(Pool *pool, Big filled_worth) {
    Big fee = fee_of(pool, filled_worth);
    pool->collateral = subtract(pool->collateral, fee);
    run->vault_cash = add(run->vault_cash, fee);
}

/* FIL-1, FIL-3, CLD-1, LIQ-17 */
static void apply_fill(Event *event) {
    Position *position = position_with_order(event);
    if (less(position->order, event->size))
        refuse("overfill", "size is %s, of the order %s is left", shown(event->size, event->market->lot), shown(position->order, event->market->lot));
    Big worse = sign(position->size) > 0 ? subtract(position->limit, event->price) : subtract(event->price, position->limit);
    if (run->order_price != AT_MARKET && sign(worse) > 0)
        refuse("worse_than_limit", "price is %s, the limit is %s", shown(event->price, event->market->tick), shown(position->limit, event->market->tick));
    close_part(position, event->size, event->price);
    position->order = is_open(position) ? subtract(position->order, event->size) : whole(0);
    pay_fee(position->pool, worth(event->market, event->size, event->price));
    transition(position, is_open(position) ? T6 : T7);
    if (is_open(position) && run->cooldown_ms > 0) {
        open_window(&position->window);
        open_window(scope_window(position));
    }
    touch(position->pool);
}

/* FIL-6 */
static void apply_order_done(Event *event) {
    Position *position = position_with_order(event);
    position->order = whole(0);
    position->failed = true;
    touch(position->pool);
}

/* ---- the vault */

/* EVT-7 */
static void apply_vault_trade(Event *event) {
    refuse_settled(event->market);
    event->market->vault_size = add(event->market->vault_size, event->size);
    run->vault_cash = subtract(run->vault_cash, worth(event->market, event->size, event->price));
}

/* EVT-8 */
static void apply_vault_cash(Event *event) { run->vault_cash = add(run->vault_cash, event->money); }

/* ---- blocks (EVT-9) */

static void remember_end(Window *window) { window->end_at_block = window->end; }

static void begin_block_for_position(Position *position) {
    position->attempted = position->failed = false;
    remember_end(&position->window);
    if (position->state == PARTIALLY_LIQUIDATED)
        transition(position, own_window_open(position) ? T8 : T9);
    else if (position->state == COOLDOWN && !own_window_open(position))
        transition(position, T10);
    else if (position->state == BACKSTOPPED)
        transition(position, T11);
}

static void begin_block_for_pool(Pool *pool) {
    remember_end(&pool->window);
    remember_end(&pool->account->window);
    touch(pool);
}

static void apply_block(Event *event) {
    if (event->time <= run->time)
        refuse("time_not_after", "time is %llu, not after %llu", (unsigned long long)event->time, (unsigned long long)run->time);
    each_pool(refuse_working_order);
    run->time = event->time;
    run->block++;
    each_position(begin_block_for_position);
    each_pool(begin_block_for_pool);
}

/* ---- the table of EVT-1, and the checks of EVT-2 */

#define QUOTE(name, input) {name, INPUT + input, POSITIVE}
#define KEY {"account", ACCOUNT, ANY}, {"market", MARKET, ANY}, {"mode", MODE, ANY}

static const struct {
    const char *name;
    void (*apply)(Event *);
    Field fields[7];
} FORMS[] = {
    {"deposit", apply_deposit, {{"account", ACCOUNT, ANY}, {"amount", MONEY, POSITIVE}}},
    {"withdraw", apply_withdraw, {{"account", ACCOUNT, ANY}, {"amount", MONEY, POSITIVE}}},
    {"transfer", apply_transfer, {{"account", ACCOUNT, ANY}, {"market", MARKET, ANY}, {"amount", MONEY, NOT_ZERO}}},
    {"trade", apply_trade, {KEY, {"size", SIZE, NOT_ZERO}, {"price", PRICE, POSITIVE}, {"leverage", OPTIONAL_LEVERAGE, ANY}}},
    {"mark_price", apply_marks, {{"market", MARKET, ANY}, {"price", PRICE, POSITIVE}}},
    {"marks", apply_marks, {{"prices", PRICES, POSITIVE}}},
    {"fill", apply_fill, {KEY, {"size", SIZE, POSITIVE}, {"price", PRICE, POSITIVE}}},
    {"order_done", apply_order_done, {KEY}},
    {"funding", apply_funding, {{"market", MARKET, ANY}, {"payment", MONEY, ANY}}},
    {"vault_trade", apply_vault_trade, {{"market", MARKET, ANY}, {"size", SIZE, NOT_ZERO}, {"price", PRICE, POSITIVE}}},
    {"vault_cash", apply_vault_cash, {{"amount", MONEY, NOT_ZERO}}},
    {"adjust", apply_adjust, {{"account", ACCOUNT, ANY}, {"mode", MODE, ANY}, {"amount", MONEY, NOT_ZERO}, {"market", ISOLATED_MARKET, ANY}}},
    {"leverage", apply_leverage, {KEY, {"leverage", LEVERAGE, ANY}}},
    {"settle", apply_settle, {{"market", MARKET, ANY}, {"price", PRICE, POSITIVE}}},
    {"price_inputs", apply_price_inputs, {{"market", MARKET, ANY}, QUOTE("index", INDEX), QUOTE("best_bid", BEST_BID), QUOTE("best_ask", BEST_ASK),
                                          QUOTE("last", LAST), QUOTE("perps", PERPS)}},
    {"block", apply_block, {{"time", TIME, ANY}}},
};

enum { FORM_COUNT = sizeof FORMS / sizeof *FORMS };

/* MRK-1: after the amounts that are already there. */
static void read_perps(Event *event, const Field *field, Json *list) {
    if (of_kind(JSON_ARRAY, list, "perps")->count == 0) refuse(BAD, "perps is empty");
    Amount *amounts = allocate(&line_arena, event->amount_count + list->count, sizeof(Amount));
    memcpy(amounts, event->amounts, event->amount_count * sizeof(Amount));
    event->amounts = amounts;
    for (size_t i = 0; i < list->count; i++) {
        Json *entry = of_kind(JSON_OBJECT, list->items[i], "perps"), *price = require(entry, "price");
        uint64_t weight = integer(require(entry, "weight"), "weight");
        if (weight == 0) refuse(BAD, "weight is 0");
        no_other_fields(entry, "perps");
        amounts[event->amount_count++] = (Amount){.field = field, .json = price, .decimal = decimal(price, "price"), .weight = weight};
    }
}

/* EVT-2, step 1: the shape of the event. Returns what applies it. */
static void read_field(Event *event, const Field *field, Json *json) {
    if (field->kind == ACCOUNT || field->kind == MARKET || field->kind == ISOLATED_MARKET) of_kind(JSON_STRING, json, field->name);
    if (field->kind == MODE) event->mode = (Mode)choice(json, "mode", MODES, 2);
    if (field->kind == TIME) event->time = integer(json, "time");
    if (field->kind == LEVERAGE || field->kind == OPTIONAL_LEVERAGE) event->leverage = integer(json, "leverage"), event->has_leverage = true;
    if (field->kind == INPUT + PERPS) read_perps(event, field, json);
    if (field->kind == SIZE || field->kind == PRICE || field->kind == MONEY || (field->kind >= INPUT && field->kind < INPUT + PERPS))
        event->amounts[event->amount_count++] = (Amount){.field = field, .json = json, .decimal = decimal(json, field->name)};
    if (field->kind == PRICES) {
        if (of_kind(JSON_OBJECT, json, "prices")->count == 0) refuse(BAD, "prices is empty");
        event->amounts = allocate(&line_arena, json->count, sizeof(Amount));
        for (; event->amount_count < json->count; event->amount_count++) {
            Json *price = json->items[event->amount_count];
            event->amounts[event->amount_count] = (Amount){.field = field, .json = price, .decimal = decimal(price, "price")};
        }
    }
}

/* EVT-2, step 2 */
static Account *known_account(Text text) {
    Account wanted = {.name = text};
    Account *account = bsearch(&wanted, run->accounts, run->account_count, sizeof(Account), by_name);
    if (account == NULL) refuse("unknown_account", "account %.*s is not known", SHOWN(text));
    return account;
}

static int by_market_name(const void *name, const void *market) { return compare_texts(*(const Text *)name, ((const Market *)market)->name); }

/* EVT-2, step 3 */
static Market *known_market(Text text) {
    Market *market = bsearch(&text, run->markets, run->market_count, sizeof(Market), by_market_name);
    if (market == NULL) refuse("unknown_market", "market %.*s is not known", SHOWN(text));
    return market;
}

/* EVT-2, step 4 */
static void put_on_grid(Amount *amount) {
    FieldKind kind = amount->field->kind;
    Decimal grid = kind == MONEY ? run->quote_unit : kind == SIZE ? amount->market->lot : amount->market->tick;
    if (!on_grid(amount->decimal, grid, &amount->units))
        refuse("off_grid", "%s is %.*s, not a multiple of %s", amount->field->name, SHOWN(amount->json->text), shown(whole(1), grid));
}

/* EVT-2, step 5 */
static void check_limit(const Amount *amount) {
    Limit limit = amount->field->limit;
    bool valid = limit == ANY || (limit == POSITIVE ? sign(amount->units) > 0 : sign(amount->units) != 0);
    if (!valid)
        refuse("not_positive", "%s is %.*s, the limit is %s", amount->field->name, SHOWN(amount->json->text), limit == POSITIVE ? "above 0" : "not 0");
}

/* EVT-1, EVT-2 */
static void apply_event(Json *json) {
    Event event = {.amounts = allocate(&line_arena, 7, sizeof(Amount))};
    Text type = of_kind(JSON_STRING, require(of_kind(JSON_OBJECT, json, "event"), "type"), "type")->text;
    Json *fields[7] = {NULL}, *value;
    size_t number = 0;
    while (number < FORM_COUNT && !is_text(type, FORMS[number].name)) number++;
    if (number == FORM_COUNT) refuse(BAD, "type %.*s is not an event", SHOWN(type));
    const Field *form = FORMS[number].fields;
    for (size_t i = 0; i < 7 && form[i].name != NULL; i++) {
        if (form[i].kind == ISOLATED_MARKET && event.mode == CROSS) continue; /* ACC-12: unknown there, and required otherwise */
        fields[i] = form[i].kind == OPTIONAL_LEVERAGE || form[i].kind >= INPUT ? take(json, form[i].name) : require(json, form[i].name);
        if (fields[i] != NULL) read_field(&event, &form[i], fields[i]);
    }
    no_other_fields(json, "event");
    if ((value = fields[0]) != NULL && form[0].kind == ACCOUNT) event.account = known_account(value->text);
    for (size_t i = 0; i < 7; i++)
        if (fields[i] != NULL && (form[i].kind == MARKET || form[i].kind == ISOLATED_MARKET)) event.market = known_market(fields[i]->text);
    for (size_t i = 0; i < event.amount_count; i++)
        event.amounts[i].market = form[0].kind == PRICES ? known_market(event.amounts[i].json->key) : event.market;
    for (size_t i = 0; i < event.amount_count; i++) put_on_grid(&event.amounts[i]);
    for (size_t i = 0; i < event.amount_count; i++) check_limit(&event.amounts[i]);
    for (size_t i = 0; i < event.amount_count; i++) {
        FieldKind kind = event.amounts[i].field->kind;
        *(kind == SIZE ? &event.size : kind == MONEY ? &event.money : &event.price) = event.amounts[i].units;
    }
    FORMS[number].apply(&event);
    if (run->begins_at_blocks && FORMS[number].apply != apply_block) each_pool(leave_to_block);
    assess_touched_pools();
}

/* ================================================================ The observation (OBS-1, OBS-2) */

static bool shows_prices; /* OBS-5: on demand, as they cost time */

static const char *amount_or_null(bool exists, Big units, Decimal grid) { return exists ? quoted_amount(units, grid) : "null"; }

/* OBS-5 */
static void write_prices(const Position *position) {
    const Decimal shortest = {whole(1), 18};
    bool open = is_open(position);
    Measures measures = measure(position->pool);
    Big price = open ? liquidation_price(position, &measures) : whole(0), bankruptcy = open ? bankruptcy_price(position, &measures) : whole(0);
    write_to(&reply, ",\"liquidation_price\":%s,\"bankruptcy_price\":%s", amount_or_null(sign(price) > 0, price, position->market->tick),
             amount_or_null(open, bankruptcy, shortest));
}

static void write_position(Position *position) {
    const Market *market = position->market;
    bool working = is_working(position);
    write_to(&reply, "%s{\"account\":%s,\"market\":%s,\"mode\":\"%s\",\"state\":\"%s\",\"size\":%s,\"cost\":%s,\"order\":%s", separator(&reply),
             quoted(position->pool->account->name), quoted(market->name), MODES[position->pool->isolates != NULL], STATES[position->state],
             quoted_amount(position->size, market->lot), quoted_amount(position->cost, run->quote_unit), amount_or_null(working, position->order, market->lot));
    if (run->order_price != AT_MARKET) write_to(&reply, ",\"limit\":%s", amount_or_null(working, position->limit, market->tick));
    write_to(&reply, ",\"life\":%llu,\"cooldown_until\":", (unsigned long long)position->life);
    if (is_open(position) && own_window_open(position))
        write_to(&reply, "%llu", (unsigned long long)position->window.end);
    else
        write_to(&reply, "null");
    if (shows_prices) write_prices(position);
    write_to(&reply, "}");
}

static void write_pool(Pool *pool) {
    Measures measures = measure(pool);
    write_to(&reply, "%s{\"account\":%s,\"mode\":\"%s\",\"market\":%s,\"collateral\":%s,\"equity\":%s,\"maintenance_margin\":%s,\"initial_margin\":%s,\"in_liquidation\":%s}",
             separator(&reply), quoted(pool->account->name), MODES[pool->isolates != NULL], pool->isolates != NULL ? quoted(pool->isolates->name) : "null",
             quoted_amount(pool->collateral, run->quote_unit), quoted_amount(measures.equity, run->quote_unit),
             quoted_amount(measures.maintenance, run->quote_unit), quoted_amount(measures.initial, run->quote_unit), pool->in_liquidation ? "true" : "false");
}

/* BKS-8 */
static void write_vault(void) {
    Big equity = run->vault_cash;
    for (size_t m = 0; m < run->market_count; m++)
        equity = add(equity, worth(&run->markets[m], run->markets[m].vault_size, run->markets[m].mark));
    write_to(&reply, "{\"cash\":%s,\"equity\":%s,\"positions\":{", quoted_amount(run->vault_cash, run->quote_unit), quoted_amount(equity, run->quote_unit));
    for (size_t m = 0; m < run->market_count; m++) {
        const Market *market = &run->markets[m];
        if (sign(market->vault_size) != 0)
            write_to(&reply, "%s%s:%s", separator(&reply), quoted(market->name), quoted_amount(market->vault_size, market->lot));
    }
    write_to(&reply, "}}");
}

/* MRK-8 */
static void write_marks(void) {
    write_to(&reply, "\"marks\":{");
    for (size_t m = 0; m < run->market_count; m++)
        write_to(&reply, "%s%s:%s", separator(&reply), quoted(run->markets[m].name), quoted_amount(run->markets[m].mark, run->markets[m].tick));
    write_to(&reply, "},");
}

static void write_observation(void) {
    write_to(&reply, "{\"ok\":true,\"observation\":{\"time\":%llu,\"block\":%llu,", (unsigned long long)run->time, (unsigned long long)run->block);
    if (run->forms_marks) write_marks();
    write_to(&reply, "\"positions\":[");
    each_position(write_position);
    write_to(&reply, "],\"pools\":[");
    each_pool(write_pool);
    write_to(&reply, "],\"vault\":");
    write_vault();
    write_to(&reply, "},\"effects\":[%.*s]}", (int)effects.length, effects.length > 0 ? effects.bytes : "");
}

/* ================================================================ Requests (spec/protocol.md) */

static void answer_hello(Json *request) {
    uint64_t protocol = integer(require(request, "protocol"), "protocol");
    no_other_fields(request, "hello");
    if (protocol != 1) refuse(BAD, "protocol is %llu, this engine speaks 1", (unsigned long long)protocol);
    write_to(&reply, "{\"ok\":true,\"protocol\":1,\"engine\":\"liqspec-c 2.5.0\",\"rules\":\"2.5.0\",\"states\":\"full\",\"observes\":["
                     "\"time\",\"block\",\"marks\",\"positions.state\",\"positions.size\",\"positions.cost\",\"positions.order\",\"positions.limit\","
                     "\"positions.life\",\"positions.cooldown_until\",%s\"pools.collateral\",\"pools.equity\",\"pools.maintenance_margin\","
                     "\"pools.initial_margin\",\"pools.in_liquidation\",\"vault.cash\",\"vault.equity\",\"vault.positions\"],\"events\":[",
             shows_prices ? "\"positions.liquidation_price\",\"positions.bankruptcy_price\"," : "");
    for (size_t i = 0; i < FORM_COUNT; i++) write_to(&reply, "%s\"%s\"", separator(&reply), FORMS[i].name);
    write_to(&reply, "],\"families\":[\"restore\",\"partial_method\",\"least_orders\",\"order_price\",\"market_attempt\",\"assess_at\",\"closeout\",\"rounding\","
                     "\"valuation\",\"close_fee\",\"withdraw\",\"crossing\",\"mark\",\"modes\",\"removal\"]}");
}

static Run *new_run; /* while a reset reads its configuration */

static void discard(Run *old) {
    if (old == NULL) return;
    release(&old->arena);
    free(old);
}

static void answer_reset(Json *request) {
    Json *config = require(request, "config");
    no_other_fields(request, "reset");
    new_run = checked(calloc(1, sizeof(Run)));
    read_config(new_run, config);
    discard(run);
    run = new_run;
    new_run = NULL;
    for (size_t a = 0; a < run->account_count; a++) pool_of(&run->accounts[a], NULL, CROSS)->exists = true;
    write_observation();
}

static void answer_apply(Json *request) {
    Json *event = require(request, "event");
    no_other_fields(request, "apply");
    if (run == NULL) refuse(BAD, "apply before reset");
    apply_event(event);
    write_observation();
}

/* Whether the engine continues. */
static bool answer(Text line) {
    if (line.length > LONGEST_LINE) refuse(BAD, "the line is longer than %d bytes", LONGEST_LINE);
    Json *request = of_kind(JSON_OBJECT, read_json(line), "request");
    Text op = of_kind(JSON_STRING, require(request, "op"), "op")->text;
    if (is_text(op, "bye")) {
        no_other_fields(request, "bye");
        write_to(&reply, "{\"ok\":true}");
        return false;
    }
    if (is_text(op, "hello"))
        answer_hello(request);
    else if (is_text(op, "reset"))
        answer_reset(request);
    else if (is_text(op, "apply"))
        answer_apply(request);
    else
        refuse(BAD, "op %.*s is unknown", SHOWN(op));
    return true;
}

static void answer_refusal(void) {
    reply.length = 0;
    write_to(&reply, "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":%s}}", refusal.code, quoted((Text){refusal.message, strlen(refusal.message)}));
    discard(new_run);
    new_run = NULL;
}

/* ================================================================ Main */

static Buffer line;

/* Reads one line without its end; the last one need not have an end. Of a line that is too long the rest is read and forgotten. */
static bool read_line(void) {
    int byte;
    line.length = 0;
    while ((byte = getc(stdin)) != EOF && byte != '\n') {
        if (line.length > LONGEST_LINE) continue;
        make_room(&line, 1);
        line.bytes[line.length++] = (char)byte;
    }
    return byte != EOF || line.length > 0;
}

int main(int count, char **arguments) {
    volatile bool going_on = true;
    shows_prices = count > 1 && strcmp(arguments[1], "--prices") == 0;
    while (going_on && read_line()) {
        reply.length = effects.length = 0;
        if (setjmp(refusal.back) == 0)
            going_on = answer((Text){line.length > 0 ? line.bytes : "", line.length});
        else
            answer_refusal();
        write_to(&reply, "\n");
        fwrite(reply.bytes, 1, reply.length, stdout);
        fflush(stdout);
        release(&line_arena);
    }
    discard(run);
    free(reply.bytes);
    free(effects.bytes);
    free(line.bytes);
    return EXIT_SUCCESS;
}
