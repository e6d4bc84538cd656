#include "data/mixture.h"

#include <algorithm>

#include "core/check.h"
#include "core/files.h"
#include "tasks/task.h"

namespace r1 {
namespace {

constexpr std::string_view kTask = "task:";

std::string without_endings(const fs::path& path) {
    const std::string name = path.filename().string();
    return name.substr(0, name.find('.', 1));
}

}  // namespace

std::vector<MixturePart> parse_mixture(const std::vector<std::string>& entries) {
    std::vector<MixturePart> parts;
    for (const std::string& entry : entries) {
        check(!entry.empty(), "an entry of the data is empty");
        MixturePart part;
        std::string text = entry;
        const size_t equals = text.rfind('=');
        if (equals != std::string::npos && !fs::exists(text)) {
            const std::string digits = text.substr(equals + 1);
            const bool number = !digits.empty() && digits.size() <= 4 &&
                                digits.find_first_not_of("0123456789") == std::string::npos;
            part.weight = number ? std::stoi(digits) : 0;
            check(part.weight >= 1 && part.weight <= 1000, "data \"", entry, "\": the weight \"", digits,
                  "\" is not a whole number from 1 to 1000");
            text.resize(equals);
        }
        if (text.starts_with(kTask)) {
            part.task = part.name = text.substr(kTask.size());
            parse_task_mix(part.task);  // throws on what is not known
        } else {
            part.path = text;
            part.name = without_endings(text);
        }
        parts.push_back(std::move(part));
    }
    std::vector<std::string> names;
    for (const auto& part : parts) names.push_back(part.name);
    for (size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].path.empty() || std::count(names.begin(), names.end(), names[i]) == 1) continue;
        const std::string folder = fs::absolute(parts[i].path).parent_path().filename().string();
        parts[i].name = folder + "-" + names[i];
    }
    return parts;
}

std::string mixture_text(const std::vector<std::string>& entries) {
    const auto parts = parse_mixture(entries);
    if (parts.size() == 1 && !parts[0].path.empty()) return fs::path(parts[0].path).filename().string();
    std::string text;
    for (const auto& part : parts) {
        text += (text.empty() ? "" : " + ") + part.name;
        if (part.weight > 1) text += cat(" ×", part.weight);
    }
    return text;
}

}  // namespace r1
