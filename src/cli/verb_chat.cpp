#include <unistd.h>

#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "cli/embedded.h"
#include "cli/jsonl.h"
#include "cli/text_model.h"
#include "cli/verbs.h"
#include "infer/engine.h"
#include "report/terminal_text.h"
#include "report/thinking.h"
#include "tasks/task.h"
#include "text/unicode.h"

namespace r1::cli {
namespace {

using nlohmann::ordered_json;

struct Config {
    ModelFlags model;
    std::string system;
    std::optional<float> temperature, top_p, min_p;
    std::optional<int> top_k;
    int max_tokens = 2048;
    std::optional<int64_t> seed;
};

std::vector<Option> options(Config& c) {
    auto list = model_options(c.model, false);
    const std::vector<Option> own = {
        {.name = "system", .target = &c.system, .help = "System message"},
        {.name = "temperature",
         .target = &c.temperature,
         .help = "0 = always the most likely token; by default the model's, or 0.6",
         .range = {0, 100}},
        {.name = "top_p",
         .target = &c.top_p,
         .help = "Draw from the most likely that reach p; by default the model's, or 0.95",
         .range = {0, 1}},
        {.name = "top_k", .target = &c.top_k, .help = "Draw from the k most likely", .range = {0, 1e7}},
        {.name = "min_p",
         .target = &c.min_p,
         .help = "Draw from those of at least min_p of the most likely's share",
         .range = {0, 1}},
        {.name = "max_tokens",
         .target = &c.max_tokens,
         .help = "Most tokens of an answer",
         .range = {1, 1e7}},
        {.name = "seed", .target = &c.seed, .help = "Seed; by default another one each time"}};
    list.insert(list.end(), own.begin(), own.end());
    return list;
}

// DeepSeek-R1's advice where a model has no settings of its own.
SamplingParams sampling(const Config& c, SamplingParams params) {
    SamplingParams silent;
    silent.stop_ids = params.stop_ids;
    if (params == silent) params.temperature = 0.6f, params.filter.top_p = 0.95f;
    params.temperature = c.temperature.value_or(params.temperature);
    if (params.temperature < 1e-4f) params.temperature = 0.0f;
    params.filter.top_p = c.top_p.value_or(params.filter.top_p);
    params.filter.top_k = c.top_k.value_or(params.filter.top_k);
    params.filter.min_p = c.min_p.value_or(params.filter.min_p);
    params.max_tokens = c.max_tokens;
    return params;
}

volatile std::sig_atomic_t stopped = 0;

// While it lives, Ctrl-C ends the answer and not the program.
struct StopOnInterrupt {
    StopOnInterrupt() {
        stopped = 0;
        std::signal(SIGINT, [](int) { stopped = 1; });
    }
    ~StopOnInterrupt() { std::signal(SIGINT, SIG_DFL); }
};

// What templates expect of earlier answers: the thought is gone.
std::string without_thought(const std::string& answer) {
    constexpr std::string_view close = "</think>", open = "<think>";
    if (const size_t at = answer.rfind(close); at != std::string::npos) {
        const size_t begin = answer.find_first_not_of(" \t\r\n", at + close.size());
        return begin == std::string::npos ? "" : answer.substr(begin);
    }
    return answer.substr(0, std::min(answer.find(open), answer.size()));
}

Language language_of(const std::string& question) {
    const std::string text = to_valid_utf8(question);
    for (size_t i = 0; i < text.size();) {
        const char32_t c = next_code_point(text, i);
        if (c >= 0x4E00 && c <= 0x9FFF) return Language::chinese;
    }
    return Language::english;
}

class Chat {
  public:
    Chat(Stream& stream, TextModel model, const Config& c)
        : stream_(stream),
          source_(std::move(model)),
          params_(sampling(c, source_.sampling)),
          system_(c.system),
          seed_(c.seed ? static_cast<uint64_t>(*c.seed) : std::random_device{}()),
          styled_(::isatty(STDOUT_FILENO) == 1),
          engine_(*source_.model, {.max_sequences = 1}) {
        check(source_.tokenizer.has_value(), "the model has no tokenizer.json, which a chat needs");
        reset();
    }

    bool has_template() const { return source_.chat.has_value(); }

    void reset() {
        messages_ = ordered_json::array();
        if (!system_.empty()) messages_.push_back({{"role", "system"}, {"content", system_}});
    }

    void answer(const std::string& question) {
        const Tokenizer& tokenizer = *source_.tokenizer;
        ordered_json messages = messages_;
        messages.push_back({{"role", "user"}, {"content", to_valid_utf8(question)}});
        const std::string prompt =
            has_template() ? source_.chat->render(messages, true) : frame(question, language_of(question));
        Request request{tokenizer.encode(prompt, !has_template()), 1, params_, seed_, turn_++, 0};
        const int64_t context = source_.model->config().max_position_embeddings;
        check(std::ssize(request.prompt) < context, "the conversation is longer than the model's context of ",
              context, " tokens; /reset begins a new one");
        const size_t last = prompt.find_last_not_of(" \t\r\n");
        const bool thinking = last != std::string::npos && prompt.substr(0, last + 1).ends_with("<think>");
        ThinkingPrinter printer(std::cout, styled_, thinking);
        std::string text = thinking ? "<think>" : "";
        Engine::Callbacks callbacks;
        callbacks.token = [&](size_t, int, int32_t id) {
            if (std::find(params_.stop_ids.begin(), params_.stop_ids.end(), id) != params_.stop_ids.end())
                return;
            const std::string piece = tokenizer.token_bytes(id);
            text += piece;
            printer.write(piece);
        };
        callbacks.cancelled = [] { return stopped != 0; };
        const StopOnInterrupt guard;
        const auto result = engine_.generate(stream_, std::span(&request, 1), callbacks);
        printer.finish();
        if (stopped || result[0][0].finish_reason == FinishReason::length)
            note(stopped ? " [stopped]" : " […]");
        std::cout << std::endl;
        messages.push_back({{"role", "assistant"}, {"content", to_valid_utf8(without_thought(text))}});
        messages_ = std::move(messages);
    }

    void note(const std::string& text) const {
        std::cout << (styled_ ? style_begin(Style::dim) : "") << text << (styled_ ? style_end : "");
    }

  private:
    Stream& stream_;
    TextModel source_;
    SamplingParams params_;
    std::string system_;
    uint64_t seed_;
    uint32_t turn_ = 0;
    bool styled_;
    Engine engine_;
    ordered_json messages_;
};

constexpr const char* kHelp =
    "/help   this text\n"
    "/reset  begin a new conversation\n"
    "Ctrl-C stops an answer, Ctrl-D ends the chat.\n";

int run(const Config& c) {
    Runtime runtime = make_runtime(c.model);
    Stream& stream = runtime.stream();
    const bool embedded = c.model.model.empty();
    Chat chat(stream,
              embedded ? text_model(load_embedded_base(stream, weight_dtype(c.model)))
                       : load_text_model(stream, c.model, weight_dtype(c.model)),
              c);
    const bool terminal = ::isatty(STDIN_FILENO) == 1;
    if (terminal) {
        chat.note(chat.has_template()
                      ? "/help shows what there is besides talking.\n"
                      : cat("This model knows no conversation: each question stands alone, as \"",
                            frame("…", Language::english), "\". /help shows more.\n"));
    }
    LineReader reader(STDIN_FILENO);
    for (;;) {
        if (terminal) std::cout << "> " << std::flush;
        auto line = reader.next();
        if (!line) break;
        if (line->ends_with('\r')) line->pop_back();
        if (*line == "/help") {
            chat.note(kHelp);
        } else if (*line == "/reset") {
            chat.reset();
            chat.note("A new conversation.\n");
        } else {
            const std::string error = error_of([&] { chat.answer(*line); });
            if (!error.empty()) chat.note(cat("r1: ", error, "\n"));
        }
        std::cout.flush();
        if (!std::cout) throw BrokenPipe{};
    }
    if (terminal) std::cout << std::endl;
    return 0;
}

}  // namespace

Verb chat_verb() {
    return make_verb<Config>(
        "chat", "Talk to a model in the terminal",
        "The thinking is dimmed, the answer plain. A model with a chat template keeps the conversation; one "
        "without, such as the embedded base, is asked each question by itself in the frame that it was "
        "trained on. Questions are lines of standard input, which may be a file or a pipe.\n"
        "/help shows the commands; Ctrl-C stops an answer, Ctrl-D ends the chat.",
        options, run);
}

}  // namespace r1::cli
