// Completion scripts for bash, zsh and fish, written from the tables of options.
#include <algorithm>

#include "cli/verbs.h"

namespace r1::cli {
namespace {

struct Config {
    std::string shell;
};

std::vector<Option> options(Config& c) {
    return {{.name = "shell",
             .target = &c.shell,
             .help = "The shell",
             .choices = {"bash", "zsh", "fish"},
             .value = "SHELL",
             .positional = true,
             .required = true}};
}

bool takes_path(const Option& option) {
    const std::string name = value_name(option);
    return name.find("FILE") != std::string::npos || name.find("DIR") != std::string::npos;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

std::string verb_names(const std::vector<Verb>& verbs) {
    std::vector<std::string> names;
    for (const Verb& verb : verbs) names.push_back(verb.name);
    return joined(names);
}

// Text inside single quotes of a shell.
std::string escaped(std::string text, const std::string& quote) {
    for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += quote.size())
        text.replace(at, 1, quote);
    return text;
}

std::string bash_script(const std::vector<Verb>& verbs) {
    std::string out =
        "# r1 completion for bash; use it by: source <(r1 completion bash)\n"
        "_r1() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} flags= values=\n"
        "    COMPREPLY=()\n"
        "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
        "        COMPREPLY=($(compgen -W '" +
        verb_names(verbs) +
        "' -- \"$word\"))\n"
        "        return\n"
        "    fi\n"
        "    case ${COMP_WORDS[1]} in\n";
    for (const Verb& verb : verbs) {
        CommonFlags common;
        std::vector<std::string> flags, values;
        std::string cases;
        for (const Option& option : all_options(verb, common)) {
            if (option.positional) {
                values.insert(values.end(), option.choices.begin(), option.choices.end());
                continue;
            }
            flags.push_back("--" + option.name);
            if (is_flag(option) || takes_path(option)) continue;
            cases += "            --" + option.name + ") COMPREPLY=($(compgen -W '" + joined(option.choices) +
                     "' -- \"$word\")); return ;;\n";
        }
        if (verb.name == "help") values = {verb_names(verbs)};
        out +=
            "    " + verb.name + ")\n        flags='" + joined(flags) + "' values='" + joined(values) + "'\n";
        if (!cases.empty())
            out += "        case $before in\n" + cases + "        esac ;;\n";
        else
            out += "        ;;\n";
    }
    return out +
           "    esac\n"
           "    case $word in\n"
           "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$word\")) ;;\n"
           "    *) if [ -n \"$values\" ]; then COMPREPLY=($(compgen -W \"$values\" -- \"$word\"))\n"
           "       else COMPREPLY=($(compgen -f -- \"$word\")); fi ;;\n"
           "    esac\n"
           "}\n"
           "complete -o filenames -F _r1 r1 ./r1\n";
}

// Inside an _arguments or _describe specification these are special.
std::string zsh_text(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
        out += c;
    }
    return escaped(out, "'\\''");
}

std::string zsh_script(const std::vector<Verb>& verbs) {
    std::string out =
        "#compdef r1\n# r1 completion for zsh; use it by: source <(r1 completion zsh)\n"
        "_r1() {\n"
        "    local -a commands=(\n";
    for (const Verb& verb : verbs) out += "        '" + verb.name + ":" + zsh_text(verb.summary) + "'\n";
    out +=
        "    )\n"
        "    if (( CURRENT == 2 )); then\n"
        "        _describe command commands\n"
        "        return\n"
        "    fi\n"
        "    local command=$words[2]\n"
        "    shift words; (( CURRENT-- ))\n"
        "    case $command in\n";
    for (const Verb& verb : verbs) {
        CommonFlags common;
        out += "    " + verb.name + ") _arguments";
        for (const Option& option : all_options(verb, common)) {
            const std::string name = value_name(option);
            const bool any_verb = verb.name == "help" && option.positional;
            const std::string words = any_verb ? verb_names(verbs) : joined(option.choices);
            const std::string action = takes_path(option) ? "_files" : cat("(", words, ")");
            if (option.positional) {
                out += std::string(" \\\n        '") + (is_list(option) ? "*" : "") + ":" + name + ":" +
                       action + "'";
            } else {
                out += " \\\n        '--" + option.name + "[" + zsh_text(option.help) + "]" +
                       (is_flag(option) ? "" : ":" + name + ":" + action) + "'";
            }
        }
        out += " ;;\n";
    }
    return out + "    esac\n}\ncompdef _r1 r1 ./r1\n";
}

std::string fish_script(const std::vector<Verb>& verbs) {
    const auto quoted = [](const std::string& text) { return " '" + escaped(text, "\\'") + "'"; };
    std::string out = "# r1 completion for fish; use it by: r1 completion fish | source\n";
    for (const Verb& verb : verbs) {
        out += "complete -c r1 -f -n __fish_use_subcommand -a " + verb.name + " -d" + quoted(verb.summary) +
               "\n";
    }
    for (const Verb& verb : verbs) {
        CommonFlags common;
        const std::string begin = "complete -c r1 -n '__fish_seen_subcommand_from " + verb.name + "'";
        for (const Option& option : all_options(verb, common)) {
            const std::string choices =
                verb.name == "help" && option.positional ? verb_names(verbs) : joined(option.choices);
            const std::string words = choices.empty() ? "" : " -f -a" + quoted(choices);
            if (option.positional) {
                out += begin +
                       (takes_path(option) ? " -F"
                        : words.empty()    ? " -f"
                                           : words) +
                       " -d" + quoted(option.help) + "\n";
            } else {
                out += begin + " -l " + option.name +
                       (is_flag(option)      ? ""
                        : takes_path(option) ? " -r -F"
                                             : " -x") +
                       (choices.empty() ? "" : " -a" + quoted(choices)) + " -d" + quoted(option.help) + "\n";
            }
        }
    }
    return out;
}

int run(const Config& c) {
    const std::vector<Verb> verbs = all_verbs();
    print(c.shell == "bash" ? bash_script(verbs) : c.shell == "zsh" ? zsh_script(verbs) : fish_script(verbs));
    return 0;
}

}  // namespace

Verb completion_verb() {
    return make_verb<Config>("completion", "Print a completion script for bash, zsh or fish",
                             "Put one of these into the shell's start-up file:\n"
                             "  source <(r1 completion bash)\n"
                             "  source <(r1 completion zsh)\n"
                             "  r1 completion fish | source",
                             options, run);
}

}  // namespace r1::cli
