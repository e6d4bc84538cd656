// GPT-2's reversible map between bytes and printable characters, in which byte-level vocabularies are
// written.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace r1 {

std::string bytes_to_symbols(
    std::string_view bytes);  // one character of one or two UTF-8 bytes for each byte
// The bytes again; nothing if a character stands for no byte.
std::optional<std::string> symbols_to_bytes(std::string_view symbols);

}  // namespace r1
