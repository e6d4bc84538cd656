#include <algorithm>
#include <cmath>
#include <ostream>

#include "core/check.h"
#include "report/dashboard.h"
#include "report/terminal_text.h"

namespace r1 {
namespace {

constexpr int label_width = 20;

struct Printer {
    std::ostream& out;
    int columns;
    bool color;

    Line line() const { return Line(columns, color); }
    void print(const Line& text) const { out << text.str() << '\n'; }
    void blank() const { out << '\n'; }

    void wrapped(std::string_view text, int margin, Style style = Style::plain) const {
        for (const std::string& row : wrap(text, columns - margin)) print(line().to(margin).add(row, style));
    }

    // Paths and commands are never cut, so that they can be copied.
    void uncut(std::string_view label, const std::string& value) const {
        if (value.empty()) return;
        out << line().to(2).add(label, Style::dim).to(11).str() << printable(value) << '\n';
    }

    void change(std::string_view label, const std::string& before, const std::string& after,
                std::string_view what) const {
        print(line()
                  .to(2)
                  .add(label)
                  .to(2 + label_width)
                  .right(before, 7)
                  .add("  →  ", Style::dim)
                  .right(after, 7, Style::bold)
                  .add("   ")
                  .add(what, Style::dim));
    }

    void answer(std::string_view label, const Answer& answer) const;
};

// The thought dimmed, the answer plain; without colours the tags tell them apart.
void Printer::answer(std::string_view label, const Answer& answer) const {
    Line head = line();
    head.to(2).add(label, Style::bold).add("  ");
    head.add(answer.correct ? "✓ right" : "✗ wrong", answer.correct ? Style::good : Style::bad);
    if (answer.tokens > 0) head.add(cat("  ", answer.tokens, " tokens"), Style::dim);
    print(head);
    const std::string text = printable(answer.text);
    constexpr std::string_view tag = "</think>";
    const size_t close = text.rfind(tag);
    const bool opened = text.find("<think>") != std::string::npos;
    const size_t end = close != std::string::npos ? close + tag.size() : opened ? text.size() : 0;
    if (end > 0) wrapped(std::string_view(text).substr(0, end), 4, Style::dim);
    std::string_view rest = std::string_view(text).substr(end);
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n')) rest.remove_prefix(1);
    while (!rest.empty() && (rest.back() == ' ' || rest.back() == '\n')) rest.remove_suffix(1);
    if (!rest.empty()) {
        wrapped(rest, 4);
    } else if (end == 0) {
        print(line().to(4).add("(nothing)", Style::dim));
    }
}

}  // namespace

void print_summary(std::ostream& out, const Summary& summary, int columns, bool color) {
    const Printer to{out, std::max(columns, 20), color};
    to.blank();
    if (!summary.headline.empty()) {
        to.wrapped(printable(summary.headline), 2, Style::bold);
        to.blank();
    }
    if (std::isfinite(summary.accuracy_after)) {
        to.change("held-out accuracy", format_percent(summary.accuracy_before),
                  format_percent(summary.accuracy_after),
                  summary.problems > 0 ? cat("on ", format_count(summary.problems), " problems") : "");
    }
    if (std::isfinite(summary.length_after)) {
        to.change("response length", format_number(summary.length_before),
                  format_number(summary.length_after), "tokens");
    }
    if (!summary.problem.empty()) {
        to.blank();
        to.print(to.line().to(2).add("One held-out problem", Style::dim));
        to.wrapped(printable(summary.problem), 4);
        to.blank();
        to.answer("before", summary.before);
        to.blank();
        to.answer("after", summary.after);
    }
    if (!summary.disclosure.empty()) {
        to.blank();
        to.wrapped(printable(summary.disclosure), 2, Style::dim);
    }
    to.blank();
    to.uncut("time", std::isfinite(summary.seconds) ? format_duration(summary.seconds) : "");
    to.uncut("report", summary.report.string());
    to.uncut("model", summary.model.string());
    to.uncut("next", summary.next);
    out << std::flush;
}

}  // namespace r1
