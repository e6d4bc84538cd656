// Small curves of characters for a terminal.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace r1 {

// "▁▂▄▆█": at most `cells` characters for all values, each the mean of its share of them, scaled from the
// smallest to the largest. A share without a finite value is a space.
std::string sparkline(std::span<const double> values, int cells);

struct Point {
    double x = 0, y = 0;
};

// Lines from point to point, in Braille characters of 2 × 4 dots: `rows` strings of `cells` characters each,
// for x in [0, x_max] and y in [0, y_max]; what lies outside is moved to the border. A point that is not
// finite is a gap.
std::vector<std::string> braille_curve(std::span<const Point> points, double x_max, double y_max, int cells,
                                       int rows);

// The smallest of 1, 1.5, 2, 3, 4, 5, 6, 8 × 10^n that is at least `value`: the top of an axis. 1 for values
// that are not positive.
double axis_top(double value);

}  // namespace r1
