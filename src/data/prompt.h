// An example as the model sees it: put into a prompt template, or into the model's chat template.
#pragma once
#include <optional>
#include <string>

#include "data/example.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace r1 {

class PromptRenderer {
  public:
    // With `prompt_template` the prompt is that text, {question} and {instruction} replaced; a template
    // without {instruction} leaves it out. Else, where the tokenizer has a chat template, the prompt is the
    // user's message in it, after `system_prompt` if there is one (which takes the place of a conversation's
    // own). Else it is the example's text. Throws if the template has no {question}.
    PromptRenderer(const Tokenizer& tokenizer, std::string prompt_template, std::string system_prompt);

    // Throws on a conversation where there is no chat template.
    std::string text(const Example& example) const;
    // Of text(); the tokenizer's special tokens are added where no chat template has done so.
    std::vector<int32_t> ids(const std::string& text) const;

  private:
    const Tokenizer& tokenizer_;
    std::string prompt_template_, system_prompt_;
    std::optional<ChatTemplate> chat_;
};

}  // namespace r1
