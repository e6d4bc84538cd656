// A chat template, rendered over a fixed chat.
#include "core/check.h"
#include "text/chat_template.h"
#include "text/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto messages = nlohmann::ordered_json::parse(
        R"([{"role": "system", "content": "s"}, {"role": "user", "content": "a\nb <think>c</think> d"},
            {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": [1, 2.5, null, true]}}}]}])");
    static const auto extra = nlohmann::ordered_json::parse(
        R"({"tools": [{"type": "function", "function": {"name": "f"}}], "x": 3})");
    try {
        r1::ChatTemplate chat(std::string(reinterpret_cast<const char*>(data), size), {{"bos_token", "<s>"}});
        if (!r1::is_valid_utf8(chat.render(messages, true, extra))) __builtin_trap();
    } catch (const r1::Error&) {
    }
    return 0;
}
