#include "formats/parquet_json.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/check.h"

namespace r1::parquet {
namespace {

using nlohmann::json;

bool is_utf8(std::string_view text) {
    try {
        (void)json(text).dump();
        return true;
    } catch (const json::type_error&) {
        return false;
    }
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        uint32_t group = 0;
        const size_t here = std::min<size_t>(3, bytes.size() - i);
        for (size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0u);
        for (size_t j = 0; j < 4; ++j) out += j <= here ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

std::string date_text(int64_t days) {
    constexpr int64_t most = 10'000'000;
    check(days >= -most && days <= most, "a date is out of range");
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text;
}

std::string time_text(int64_t units, int64_t units_per_second) {
    const int64_t seconds = units / units_per_second, rest = units % units_per_second;
    char text[40];
    int size = std::snprintf(text, sizeof text, "%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                             static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
    std::string out(text, static_cast<size_t>(size));
    if (rest == 0) return out;
    const int64_t nanoseconds = rest * (1'000'000'000 / units_per_second);
    const bool micro = nanoseconds % 1000 == 0;
    size = std::snprintf(text, sizeof text, ".%0*lld", micro ? 6 : 9,
                         static_cast<long long>(micro ? nanoseconds / 1000 : nanoseconds));
    return out.append(text, static_cast<size_t>(size));
}

std::string timestamp_text(int64_t units, int64_t units_per_second) {
    const int64_t a_day = 86'400 * units_per_second;
    int64_t day = units / a_day, rest = units % a_day;
    if (rest < 0) --day, rest += a_day;
    return date_text(day) + "T" + time_text(rest, units_per_second);
}

// Big-endian two's complement of at most 16 bytes, in decimal.
std::string decimal_text(std::string_view bytes, int scale) {
    check(bytes.size() <= 16, "a decimal of more than 16 bytes");
    unsigned __int128 value = 0;
    const bool negative = !bytes.empty() && (bytes[0] & 0x80);
    if (negative) value = ~value;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    if (negative) value = ~value + 1;
    std::string digits;  // from the last
    for (int i = 0; value > 0 || i <= scale; ++i, value /= 10) {
        if (i == scale && scale > 0) digits += '.';
        digits += static_cast<char>('0' + static_cast<int>(value % 10));
    }
    if (negative) digits += '-';
    return {digits.rbegin(), digits.rend()};
}

std::string big_endian(int64_t value) {
    std::string bytes;
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 255);
    return bytes;
}

double half(std::string_view bytes) {
    const unsigned bits = static_cast<unsigned char>(bytes[0]) | static_cast<unsigned char>(bytes[1]) << 8u;
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                        : exponent == 0 ? std::ldexp(fraction, -24)
                                        : std::ldexp(fraction + 1024, static_cast<int>(exponent) - 25);
    return bits >> 15 ? -size : size;
}

json number(double value) {
    return std::isfinite(value) ? json(value) : json();
}

std::string uuid_text(std::string_view bytes) {
    std::string out;
    char hex[3];
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned char>(bytes[i]));
        out += hex;
    }
    return out;
}

json bytes_json(const Node& leaf, std::string_view bytes) {
    if (leaf.meaning == Meaning::decimal) return decimal_text(bytes, leaf.scale);
    if (leaf.meaning == Meaning::uuid && bytes.size() == 16) return uuid_text(bytes);
    if (leaf.meaning == Meaning::float16 && bytes.size() == 2) return number(half(bytes));
    if (is_utf8(bytes)) return bytes;
    return leaf.meaning == Meaning::text ? json() : json(base64(bytes));
}

json integer_json(const Node& leaf, int64_t value) {
    switch (leaf.meaning) {
        case Meaning::decimal:
            return decimal_text(big_endian(value), leaf.scale);
        case Meaning::date:
            return date_text(value);
        case Meaning::time:
            return time_text(value, leaf.units_per_second);
        case Meaning::timestamp:
            return timestamp_text(value, leaf.units_per_second);
        case Meaning::unsigned_integer:
            return leaf.type == Physical::int32 ? json(static_cast<uint32_t>(value))
                                                : json(static_cast<uint64_t>(value));
        default:
            return value;
    }
}

}  // namespace

json to_json(const Node& leaf, const Value& value) {
    switch (leaf.type) {
        case Physical::boolean:
            return value.integer != 0;
        case Physical::int32:
        case Physical::int64:
            return integer_json(leaf, value.integer);
        case Physical::int96:
            return timestamp_text(value.integer, 1'000'000'000);
        case Physical::float32:
        case Physical::float64:
            return number(value.real);
        default:
            return bytes_json(leaf, value.bytes);
    }
}

}  // namespace r1::parquet
