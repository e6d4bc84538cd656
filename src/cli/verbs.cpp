#include "cli/verbs.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/files.h"

namespace r1::cli {
namespace {

constexpr size_t kWidth = 100;

// Text in lines of kWidth, each after `indent` spaces; the first line goes on from column `column`.
std::string wrapped(const std::string& text, size_t indent, size_t column) {
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find(' ', begin), text.size());
        if (column + 1 + (end - begin) > kWidth && column > indent) {
            out += '\n';
            out.append(indent, ' ');
            column = indent;
        } else if (begin > 0) {
            out += ' ';
            ++column;
        }
        out.append(text, begin, end - begin);
        column += end - begin;
        begin = end + 1;
    }
    return out;
}

std::string entry(const std::string& left, const std::string& right) {
    constexpr size_t kIndent = 34;
    std::string line = "  " + left;
    if (line.size() + 2 > kIndent) {
        line += '\n';
        line.append(kIndent, ' ');
    } else {
        line.append(kIndent - line.size(), ' ');
    }
    return line + wrapped(right, kIndent, kIndent) + "\n";
}

std::string option_entry(const Option& option) {
    const std::string name = value_name(option);
    std::string left = option.positional ? name : "--" + option.name + (name.empty() ? "" : " " + name);
    std::string right = option.help;
    if (!option.choices.empty()) {
        right += ":";
        for (const auto& choice : option.choices)
            right += (&choice == &option.choices[0] ? " " : ", ") + choice;
    }
    const std::string now = value_text(option);
    if (!now.empty() && now != "false" && now != "\"\"" && now != "[]") right += " [" + now + "]";
    for (const auto& alias : option.aliases) right += " (also --" + alias + ")";
    return entry(left, right);
}

}  // namespace

std::vector<Verb> all_verbs() {
    return {
        zero_verb(),     pretrain_verb(), chat_verb(),   generate_verb(),   logprobs_verb(),
        tokenize_verb(), grade_verb(),    data_verb(),   convert_verb(),    check_verb(),
        report_verb(),   bench_verb(),    doctor_verb(), completion_verb(), help_verb(),
    };
}

Verb& find_verb(std::vector<Verb>& verbs, const std::string& name) {
    std::vector<std::string> names;
    for (Verb& verb : verbs) {
        if (verb.name == name || (!verb.alias.empty() && verb.alias == name)) return verb;
        names.push_back(verb.name);
    }
    const std::string hint = did_you_mean(name, names);
    throw UsageError(cat("unknown command '", name, "'", hint.empty() ? "; r1 help lists them" : hint));
}

std::vector<Option> all_options(const Verb& verb, CommonFlags& common) {
    std::vector<Option> options = verb.options;
    if (verb.configured) {
        options.push_back({.name = "config",
                           .target = &common.config,
                           .help = "TOML file whose keys are these flags",
                           .value = "FILE",
                           .flag_only = true});
    }
    if (verb.quick) {
        options.push_back({.name = "quick",
                           .target = &common.quick,
                           .help = "A short run to try things out",
                           .flag_only = true});
    }
    options.push_back({.name = "help", .target = &common.help, .help = "Show this text", .flag_only = true});
    return options;
}

std::string program_help(const std::vector<Verb>& verbs) {
    std::string out =
        "r1: trains a language model to reason, by reinforcement learning on problems with checkable "
        "answers\n\n"
        "  r1 COMMAND [--flag value]...\n\nCommands\n";
    for (const Verb& verb : verbs) out += entry(verb.name, verb.summary);
    return out +
           "\nr1 help COMMAND shows a command's flags; r1 --version shows the version. In the source tree,\n"
           "./r1 test builds and runs the tests.\n";
}

std::string verb_help(const Verb& verb) {
    CommonFlags common;
    const std::vector<Option> options = all_options(verb, common);
    std::string out = "r1 " + verb.name + ": " + verb.summary + "\n\n  r1 " + verb.name;
    for (const Option& option : options) {
        const std::string name = value_name(option);
        if (option.positional) out += option.required ? " " + name : " [" + name + "]";
        if (option.required && !option.positional) out += " --" + option.name + " " + name;
    }
    out += " [--flag value]...\n";
    for (size_t begin = 0; begin < verb.details.size();) {
        const size_t end = std::min(verb.details.find('\n', begin), verb.details.size());
        const std::string line = verb.details.substr(begin, end - begin);
        out += "\n" + (line.starts_with("  ") ? line : wrapped(line, 0, 0));
        begin = end + 1;
    }
    if (!verb.details.empty()) out += "\n";
    out += "\nFlags\n";
    for (const Option& option : options) out += option_entry(option);
    return out;
}

int run_verb(Verb& verb, const std::vector<std::string>& arguments) {
    CommonFlags common;
    const std::vector<Option> options = all_options(verb, common);
    if (std::find(arguments.begin(), arguments.end(), "-h") != arguments.end()) {
        print(verb_help(verb));
        return 0;
    }
    const std::vector<Argument> parsed = parse_arguments(options, arguments);
    std::string resume;
    for (const Argument& argument : parsed) {
        const Option& option = *argument.option;
        if (option.target == OptionTarget(&common.help)) {
            print(verb_help(verb));
            return 0;
        }
        if (option.name == "resume" && !argument.texts.empty()) resume = argument.texts[0];
        if (option.name == "config" || option.name == "quick")
            set_option(option, argument.texts, argument.shown);
    }
    const auto apply = [&] {
        if (verb.quick && common.quick && resume.empty()) verb.quick();
        if (verb.configured && !resume.empty()) {
            const fs::path file = fs::path(resume) / "config.toml";
            apply_toml(verb.options, read_file(file), file.string());
        }
        if (!common.config.empty()) apply_toml(verb.options, read_file(common.config), common.config);
        apply_arguments(options, parsed);
    };
    apply();
    if (verb.rebase && verb.rebase()) apply();
    return verb.run();
}

void print(std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(STDOUT_FILENO, text.data(), text.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0 && errno == EPIPE) throw BrokenPipe{};
        if (wrote < 0) fail("cannot write to standard output: ", std::strerror(errno));
        text.remove_prefix(static_cast<size_t>(wrote));
    }
}

}  // namespace r1::cli
