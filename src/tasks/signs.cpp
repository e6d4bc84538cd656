#include "tasks/signs.h"

#include <bitset>

namespace r1 {

std::string replace_signs(std::string_view text, std::span<const Sign> signs) {
    const auto byte = [](char c) { return static_cast<size_t>(static_cast<unsigned char>(c)); };
    std::bitset<256> first_bytes;
    for (const Sign& sign : signs) first_bytes.set(byte(sign.written.front()));
    std::string out;
    while (!text.empty()) {
        size_t used = 1;
        std::string_view plain = text.substr(0, 1);
        if (first_bytes[byte(text.front())]) {
            for (const Sign& sign : signs) {
                if (!text.starts_with(sign.written)) continue;
                used = sign.written.size(), plain = sign.plain;
                break;
            }
        }
        out += plain;
        text.remove_prefix(used);
    }
    return out;
}

}  // namespace r1
