// A tokenizer.json, a zero byte, and a text to encode and decode with it.
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "formats/json.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    size_t end = input.find('\0');
    std::string_view text = end == input.npos ? std::string_view("Some text, 123") : input.substr(end + 1);
    try {
        auto tokenizer =
            r1::Tokenizer::from_json(r1::parse_json(input.substr(0, end), "tokenizer.json"), nullptr);
        std::vector<int32_t> ids = tokenizer.encode(text, true);
        std::string decoded = tokenizer.decode(ids), streamed;
        if (!r1::is_valid_utf8(decoded)) __builtin_trap();
        for (int32_t id : ids) streamed += tokenizer.token_bytes(id);
    } catch (const r1::Error&) {
    }
    return 0;
}
