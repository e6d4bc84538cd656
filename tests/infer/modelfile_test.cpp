#include "infer/modelfile.h"

#include <gtest/gtest.h>

#include "infer/tiny_tokenizer.h"

namespace r1 {
namespace {

constexpr const char* kChatMl =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

std::optional<OllamaTemplate> of(const std::string& chat_template) {
    return ollama_template(tiny_tokenizer().with_chat_template(chat_template));
}

TEST(OllamaTemplate, SaysChatMl) {
    const auto result = of(kChatMl);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->source,
              "{{ range .Messages }}{{ if eq .Role \"user\" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n"
              "{{ else if eq .Role \"assistant\" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n"
              "{{ else if eq .Role \"system\" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n"
              "{{ end }}{{ end }}<|im_start|>assistant\n");
    EXPECT_EQ(result->system, "");
}

TEST(OllamaTemplate, KeepsADefaultSystemMessage) {
    const auto result = of(std::string("{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nBe "
                                       "kind.<|im_end|>\\n' }}{% endif %}") +
                           kChatMl);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->system, "Be kind.");
    EXPECT_EQ(result->source, of(kChatMl)->source);
}

TEST(OllamaTemplate, LeavesOutTheSystemMessageThatATemplateRefuses) {
    const auto result = of(
        "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "[{{ m['role'] }}]{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif "
        "%}");
    ASSERT_TRUE(result);
    EXPECT_EQ(result->source.find("system"), std::string::npos);
}

TEST(OllamaTemplate, RefusesWhatItCannotSay) {
    EXPECT_FALSE(of("{% for m in messages %}{{ loop.index }}{{ m['content'] }}{% endfor %}"));
    EXPECT_FALSE(of("{% for m in messages %}{{ m['role'] }}{{ m['content'] | upper }}{% endfor %}"));
    EXPECT_FALSE(of("{{ messages[-1]['content'] }}"));
    EXPECT_FALSE(of("{% for m in messages %}\"{{ m['role'] }}\"{{ m['content'] }}{% endfor %}"));
    EXPECT_FALSE(of("{{ raise_exception('never') }}"));
}

TEST(Modelfile, NamesTheFileTheSamplingAndTheStops) {
    SamplingParams sampling;
    sampling.temperature = 0.6f, sampling.filter.top_p = 0.95f, sampling.stop_ids = {96};
    EXPECT_EQ(modelfile("m.gguf", tiny_tokenizer().with_chat_template("{{ 1 }}"), sampling),
              "# ollama create NAME -f THIS_FILE\nFROM ./m.gguf\n"
              "# The chat template cannot be said in Go's language; Ollama may know it by the GGUF's own.\n"
              "PARAMETER temperature 0.6\nPARAMETER top_k 0\nPARAMETER top_p 0.95\nPARAMETER min_p 0\n"
              "PARAMETER repeat_penalty 1\nPARAMETER stop \"<|end|>\"\n");
}

}  // namespace
}  // namespace r1
