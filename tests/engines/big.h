/* Whole numbers with a sign and up to 4096 bits, by value. The rules need about 2000: an amount has at most 78 digits
   (AMT-3) on a grid of at most 78, so money has at most 800 bits, and the longest product is money x money x rate (ACC-9, BKS-1).
   A number that does not fit ends the program; it never wraps. */
#ifndef BIG_H
#define BIG_H

/* Numbers are copied all the time; what gcc does for any x86 takes twice as long for their size. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("tune=skylake")
#endif

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMBS = 128 };

typedef struct {
    int length; /* limbs in use; 0 is the number 0 */
    bool negative;
    uint32_t limb[LIMBS]; /* the lowest first */
} Big;

static void trim(Big *number) {
    while (number->length > 0 && number->limb[number->length - 1] == 0) number->length--;
    if (number->length == 0) number->negative = false;
}

static inline Big trimmed(Big number) {
    trim(&number);
    return number;
}

static void set_limb(Big *number, int index, uint32_t value) {
    if (index < LIMBS) {
        number->limb[index] = value;
        if (number->length <= index) number->length = index + 1;
    } else if (value != 0) {
        fputs("a number is larger than this engine's\n", stderr);
        abort();
    }
}

/* Limbs above `length` are never read, so they are not set. */
static inline Big whole(uint64_t value) {
    Big result;
    result.length = value >> 32 != 0 ? 2 : value != 0;
    result.negative = false;
    result.limb[0] = (uint32_t)value;
    result.limb[1] = (uint32_t)(value >> 32);
    return result;
}

static inline int sign(Big number) { return number.length == 0 ? 0 : number.negative ? -1 : 1; }

static inline Big negated(Big number) {
    number.negative = !number.negative && number.length > 0;
    return number;
}

static inline Big absolute(Big number) {
    number.negative = false;
    return number;
}

static int compare_magnitudes(const Big *left, const Big *right) {
    if (left->length != right->length) return left->length < right->length ? -1 : 1;
    for (int i = left->length - 1; i >= 0; i--)
        if (left->limb[i] != right->limb[i]) return left->limb[i] < right->limb[i] ? -1 : 1;
    return 0;
}

static inline int compare(Big left, Big right) {
    if (left.negative != right.negative) return left.negative ? -1 : 1;
    int order = compare_magnitudes(&left, &right);
    return left.negative ? -order : order;
}

static inline bool less(Big left, Big right) { return compare(left, right) < 0; }

static void add_magnitudes(Big *result, const Big *left, const Big *right) {
    uint64_t carry = 0;
    result->length = 0;
    for (int i = 0; i < left->length || i < right->length || carry != 0; i++) {
        carry += i < left->length ? left->limb[i] : 0;
        carry += i < right->length ? right->limb[i] : 0;
        set_limb(result, i, (uint32_t)carry);
        carry >>= 32;
    }
}

static void subtract_magnitudes(Big *result, const Big *larger, const Big *smaller) {
    int64_t rest = 0; /* 0 or -1: what was borrowed */
    result->length = larger->length;
    for (int i = 0; i < larger->length; i++) {
        rest += (int64_t)larger->limb[i] - (i < smaller->length ? smaller->limb[i] : 0);
        result->limb[i] = (uint32_t)rest;
        rest = rest < 0 ? -1 : 0;
    }
}

static Big add(Big left, Big right) {
    Big result;
    if (left.negative == right.negative) {
        add_magnitudes(&result, &left, &right);
        result.negative = left.negative;
    } else if (compare_magnitudes(&left, &right) >= 0) {
        subtract_magnitudes(&result, &left, &right);
        result.negative = left.negative;
    } else {
        subtract_magnitudes(&result, &right, &left);
        result.negative = right.negative;
    }
    trim(&result);
    return result;
}

static inline Big subtract(Big left, Big right) { return add(left, negated(right)); }

static Big multiply(Big left, Big right) {
    Big result;
    result.length = 0;
    for (int i = 0; i < left.length; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < right.length || carry != 0; j++) {
            if (i + j < result.length) carry += result.limb[i + j];
            if (j < right.length) carry += (uint64_t)left.limb[i] * right.limb[j];
            set_limb(&result, i + j, (uint32_t)carry);
            carry >>= 32;
        }
    }
    result.negative = left.negative != right.negative;
    trim(&result);
    return result;
}

/* Divides in place by one limb; the result is the remainder. */
static uint32_t divide_by_limb(Big *number, uint32_t divisor) {
    uint64_t rest = 0;
    for (int i = number->length - 1; i >= 0; i--) {
        rest = rest << 32 | number->limb[i];
        number->limb[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    trim(number);
    return (uint32_t)rest;
}

/* One digit of a long division (Knuth, volume 2, algorithm D): subtracts as often as it goes; `top` is divisor.length limbs and one. */
static uint32_t quotient_digit(uint32_t *top, const Big *divisor) {
    int n = divisor->length;
    uint64_t head = (uint64_t)top[n] << 32 | top[n - 1];
    uint64_t digit = head / divisor->limb[n - 1], rest = head % divisor->limb[n - 1];
    while (digit >> 32 != 0 || digit * divisor->limb[n - 2] > (rest << 32 | top[n - 2])) {
        digit--;
        rest += divisor->limb[n - 1];
        if (rest >> 32 != 0) break;
    }
    uint64_t carry = 0;
    int64_t difference = 0;
    for (int i = 0; i <= n; i++) {
        carry += i < n ? digit * divisor->limb[i] : 0;
        difference += (int64_t)top[i] - (int64_t)(carry & UINT32_MAX);
        top[i] = (uint32_t)difference;
        difference = difference < 0 ? -1 : 0;
        carry >>= 32;
    }
    if (difference == 0) return (uint32_t)digit;
    carry = 0; /* one too many: add the divisor back */
    for (int i = 0; i <= n; i++) {
        carry += (uint64_t)top[i] + (i < n ? divisor->limb[i] : 0);
        top[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return (uint32_t)(digit - 1);
}

/* For a divisor above 0, rounds towards zero; the remainder has the dividend's sign. */
static Big divide(Big dividend, Big divisor, Big *remainder) {
    Big quotient = {0};
    *remainder = dividend;
    if (compare_magnitudes(&dividend, &divisor) < 0) return quotient;
    if (divisor.length <= 1) {
        quotient = dividend;
        *remainder = whole(divide_by_limb(&quotient, divisor.limb[0]));
    } else {
        uint32_t scale = (uint32_t)((UINT64_C(1) << 32) / ((uint64_t)divisor.limb[divisor.length - 1] + 1)); /* makes the first limb large */
        Big scaled = multiply(dividend, whole(scale));
        divisor = multiply(divisor, whole(scale));
        uint32_t rest[LIMBS + 1] = {0};
        for (int i = 0; i < scaled.length; i++) rest[i] = scaled.limb[i];
        for (int i = scaled.length - divisor.length; i >= 0; i--) set_limb(&quotient, i, quotient_digit(rest + i, &divisor));
        Big left = {.length = divisor.length};
        for (int i = 0; i < divisor.length; i++) left.limb[i] = rest[i];
        left = trimmed(left);
        divide_by_limb(&left, scale);
        *remainder = left;
    }
    quotient.negative = dividend.negative;
    remainder->negative = dividend.negative && remainder->length > 0;
    return trimmed(quotient);
}

static Big divide_down(Big dividend, Big divisor) {
    Big remainder, quotient = divide(dividend, divisor, &remainder);
    return sign(remainder) < 0 ? subtract(quotient, whole(1)) : quotient;
}

static Big divide_up(Big dividend, Big divisor) {
    Big remainder, quotient = divide(dividend, divisor, &remainder);
    return sign(remainder) > 0 ? add(quotient, whole(1)) : quotient;
}

static Big greatest_common_divisor(Big left, Big right) {
    while (sign(right) != 0) {
        Big remainder;
        divide(left, right, &remainder);
        left = right;
        right = remainder;
    }
    return absolute(left);
}

static const uint64_t TEN_TO_18 = UINT64_C(1000000000000000000);

static Big power_of_ten(int exponent) {
    Big result = whole(1);
    for (; exponent >= 18; exponent -= 18) result = multiply(result, whole(TEN_TO_18));
    uint64_t rest = 1;
    for (; exponent > 0; exponent--) rest *= 10;
    return rest == 1 ? result : multiply(result, whole(rest));
}

#endif
