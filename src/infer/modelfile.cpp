#include "infer/modelfile.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "core/check.h"
#include "text/chat_template.h"

namespace r1 {
namespace {

using Chat = std::vector<std::pair<std::string, std::string>>;  // role, content

// What a template writes before and after the content of a role's message.
struct Wrapping {
    std::string before, after;
};

// Marks that no template holds; the numbers keep messages apart.
std::string mark(int number) {
    return cat("@content-", number, "@");
}

std::string render(const ChatTemplate& chat_template, const Chat& chat, bool add_generation_prompt) {
    auto messages = nlohmann::ordered_json::array();
    for (const auto& [role, content] : chat) messages.push_back({{"role", role}, {"content", content}});
    return chat_template.render(messages, add_generation_prompt);
}

// The pieces of the text around the marks 0, 1, …, count − 1; nothing if they are not all there once, in
// order.
std::optional<std::vector<std::string>> pieces_around(const std::string& text, int count) {
    std::vector<std::string> pieces;
    size_t begin = 0;
    for (int i = 0; i < count; ++i) {
        const size_t at = text.find(mark(i), begin);
        if (at == std::string::npos) return std::nullopt;
        pieces.push_back(text.substr(begin, at - begin));
        begin = at + mark(i).size();
    }
    pieces.push_back(text.substr(begin));
    return pieces;
}

// The part of `text` before `end`; nothing if it does not end so.
std::optional<std::string> without_end(const std::string& text, const std::string& end) {
    if (!text.ends_with(end)) return std::nullopt;
    return text.substr(0, text.size() - end.size());
}

struct Parts {
    std::string header;              // at the very beginning, with or without a system message
    std::optional<Wrapping> system;  // nothing if the template refuses one
    std::string default_header;      // what stands for a system message where there is none
    Wrapping user, assistant;
    std::string prompt;  // that asks for an answer

    std::string render(const Chat& chat) const {
        std::string text = header + (chat[0].first == "system" ? "" : default_header);
        for (const auto& [role, content] : chat) {
            const Wrapping& w = role == "system" ? *system : role == "user" ? user : assistant;
            text += w.before + content + w.after;
        }
        return text + prompt;
    }
};

std::optional<std::vector<std::string>> probe(const ChatTemplate& chat_template,
                                              const std::vector<std::string>& roles, bool prompt) {
    Chat chat;
    for (const auto& role : roles) chat.emplace_back(role, mark(static_cast<int>(chat.size())));
    return pieces_around(render(chat_template, chat, prompt), static_cast<int>(chat.size()));
}

// Where one message's text ends and the next one's begins cannot be seen. A user's message alone shows what
// is after a user's; a second one shows what is before it.
std::optional<Parts> find_parts(const ChatTemplate& chat_template) {
    const auto alone = probe(chat_template, {"user"}, false);
    const auto asked = probe(chat_template, {"user"}, true);
    const auto answered = probe(chat_template, {"user", "assistant"}, false);
    const auto again = probe(chat_template, {"user", "assistant", "user"}, false);
    if (!alone || !asked || !answered || !again) return std::nullopt;
    Parts parts;
    parts.user.after = (*alone)[1];
    if (!(*asked)[1].starts_with(parts.user.after)) return std::nullopt;
    parts.prompt = (*asked)[1].substr(parts.user.after.size());
    if (!(*again)[1].starts_with(parts.user.after)) return std::nullopt;
    parts.assistant = {(*again)[1].substr(parts.user.after.size()), (*answered)[2]};
    if (!(*again)[2].starts_with(parts.assistant.after)) return std::nullopt;
    parts.user.before = (*again)[2].substr(parts.assistant.after.size());
    const auto first = without_end((*alone)[0], parts.user.before);
    if (!first) return std::nullopt;
    parts.default_header = *first;
    try {
        const auto with_system = probe(chat_template, {"system", "user"}, false);
        const auto after = with_system ? without_end((*with_system)[1], parts.user.before) : std::nullopt;
        if (after) parts.system = Wrapping{(*with_system)[0], *after};
    } catch (const Error&) {  // the template refuses system messages
    }
    return parts;
}

// Moves a beginning-of-text token to the header, or away where the tokenizer adds it by itself.
void take_bos(Parts& parts, const Tokenizer& tokenizer) {
    if (!tokenizer.bos_id()) return;
    const std::string bos = tokenizer.token_text(*tokenizer.bos_id());
    if (!parts.default_header.starts_with(bos) || (parts.system && !parts.system->before.starts_with(bos)))
        return;
    parts.default_header.erase(0, bos.size());
    if (parts.system) parts.system->before.erase(0, bos.size());
    const auto added = tokenizer.encode("", true);
    if (added.empty() || added.front() != *tokenizer.bos_id()) parts.header = bos;
}

// Chats that the parts must render as the template does.
bool holds(const ChatTemplate& chat_template, const Parts& parts, const std::string& dropped) {
    std::vector<Chat> chats = {
        {{"user", "a"}},
        {{"user", "a b"}, {"assistant", "c."}, {"user", "d?"}, {"assistant", "e"}, {"user", "f"}}};
    if (parts.system) {
        chats.push_back({{"system", "s t"}, {"user", "a"}});
        chats.push_back({{"system", "s"}, {"user", "a"}, {"assistant", "c"}, {"user", "d"}});
    }
    for (const Chat& chat : chats) {
        if (render(chat_template, chat, true) != dropped + parts.render(chat)) return false;
    }
    return true;
}

}  // namespace

std::optional<OllamaTemplate> ollama_template(const Tokenizer& tokenizer) {
    if (!tokenizer.chat_template()) return std::nullopt;
    try {
        const ChatTemplate chat_template = ChatTemplate::of(tokenizer);
        auto parts = find_parts(chat_template);
        if (!parts) return std::nullopt;
        const std::string before = parts->default_header;
        take_bos(*parts, tokenizer);
        const std::string removed = before.substr(0, before.size() - parts->default_header.size());
        const std::string dropped = parts->header.empty() ? removed : "";
        if (!holds(chat_template, *parts, dropped)) return std::nullopt;

        OllamaTemplate result;
        std::string fallback = parts->default_header;
        if (parts->system && fallback.size() >= parts->system->before.size() + parts->system->after.size() &&
            fallback.starts_with(parts->system->before) && fallback.ends_with(parts->system->after)) {
            result.system =
                fallback.substr(parts->system->before.size(),
                                fallback.size() - parts->system->before.size() - parts->system->after.size());
            if (!result.system.empty()) fallback.clear();
        }
        const auto branch = [](const char* role, const Wrapping& w) {
            return cat("if eq .Role \"", role, "\" }}", w.before, "{{ .Content }}", w.after);
        };
        std::string& out = result.source;
        out = parts->header;
        if (!fallback.empty())
            out += parts->system ? "{{ if not .System }}" + fallback + "{{ end }}" : fallback;
        out += "{{ range .Messages }}{{ " + branch("user", parts->user) + "{{ else " +
               branch("assistant", parts->assistant);
        if (parts->system) out += "{{ else " + branch("system", *parts->system);
        out += "{{ end }}{{ end }}" + parts->prompt;
        const Wrapping system = parts->system.value_or(Wrapping{});
        for (const std::string& text :
             {parts->header, fallback, parts->user.before, parts->user.after, parts->assistant.before,
              parts->assistant.after, system.before, system.after, parts->prompt, result.system}) {
            if (text.find("{{") != std::string::npos || text.find('"') != std::string::npos)
                return std::nullopt;  // would mean something else there
        }
        return result;
    } catch (const Error&) {  // the template refuses a plain chat
        return std::nullopt;
    }
}

std::string modelfile(const std::string& gguf, const Tokenizer& tokenizer, const SamplingParams& sampling) {
    std::string out = cat("# ollama create NAME -f THIS_FILE\nFROM ./", gguf, "\n");
    if (const auto chat = ollama_template(tokenizer)) {
        out += "TEMPLATE \"\"\"" + chat->source + "\"\"\"\n";
        if (!chat->system.empty()) out += "SYSTEM \"\"\"" + chat->system + "\"\"\"\n";
    } else if (tokenizer.chat_template()) {
        out += "# The chat template cannot be said in Go's language; Ollama may know it by the GGUF's own.\n";
    }
    const auto parameter = [&](const char* name, const auto& value) {
        out += cat("PARAMETER ", name, " ", value, "\n");
    };
    parameter("temperature", sampling.temperature);
    parameter("top_k", sampling.filter.top_k);
    parameter("top_p", sampling.filter.top_p);
    parameter("min_p", sampling.filter.min_p);
    parameter("repeat_penalty", sampling.repetition_penalty);
    for (const int32_t id : sampling.stop_ids) {
        const std::string token = tokenizer.token_text(id);
        if (token.find_first_of("\"\n") == std::string::npos) parameter("stop", '"' + token + '"');
    }
    return out;
}

}  // namespace r1
