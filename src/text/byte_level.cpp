#include "text/byte_level.h"

#include <array>

#include "text/unicode.h"

namespace r1 {
namespace {

// Printable Latin-1 bytes stand for themselves; the others take 256, 257, ... in their order.
struct Table {
    std::array<std::string, 256> symbol;
    std::array<int, 512> byte;

    Table() {
        byte.fill(-1);
        char32_t next = 256;
        for (int b = 0; b < 256; ++b) {
            bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            char32_t code_point = printable ? static_cast<char32_t>(b) : next++;
            append_utf8(symbol[static_cast<size_t>(b)], code_point);
            byte[code_point] = b;
        }
    }
};

const Table& table() {
    static const Table instance;
    return instance;
}

}  // namespace

std::string bytes_to_symbols(std::string_view bytes) {
    const Table& map = table();
    std::string out;
    out.reserve(bytes.size() * 2);
    for (char byte : bytes) out += map.symbol[static_cast<unsigned char>(byte)];
    return out;
}

std::optional<std::string> symbols_to_bytes(std::string_view symbols) {
    const Table& map = table();
    std::string out;
    for (size_t position = 0; position < symbols.size();) {
        char32_t code_point = next_code_point(symbols, position);
        if (code_point >= map.byte.size() || map.byte[code_point] < 0) return std::nullopt;
        out.push_back(static_cast<char>(map.byte[code_point]));
    }
    return out;
}

}  // namespace r1
