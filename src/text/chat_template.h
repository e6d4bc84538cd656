// Chat templates: messages to the text that a model was trained on. A template is Jinja2 source, run as
// transformers runs it (sandboxed, trim_blocks and lstrip_blocks on, tojson without HTML escapes).
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace r1 {

class Tokenizer;

class ChatTemplate {
  public:
    // Throws, with the line, on a syntax error. `special_tokens`: variables such as {"bos_token", "<s>"}.
    explicit ChatTemplate(const std::string& source,
                          std::vector<std::pair<std::string, std::string>> special_tokens = {});
    // The tokeniser's own template and its bos_token, eos_token and pad_token; throws if it has no template.
    static ChatTemplate of(const Tokenizer& tokenizer);

    // `messages` is an array of objects; the order of keys shows where a template uses tojson. `extra`:
    // further variables
    // ("tools", "documents", "enable_thinking", ...), an object. "tools" and "documents" are none if they are
    // not given. Throws what the template raises, and on templates that run too long or too deep.
    // Thread-safe.
    std::string render(const nlohmann::ordered_json& messages, bool add_generation_prompt,
                       const nlohmann::ordered_json& extra = nlohmann::ordered_json::object()) const;

  private:
    struct Tree;
    std::shared_ptr<const Tree> tree_;
    std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace r1
