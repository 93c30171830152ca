// Charts as SVG text: lines over a number axis, and bars in groups. Readable on light and dark pages.

export type Scale = 'linear' | 'log';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LineSeries {
  readonly name: string;
  /** In the order of `x`. On a log axis, values that are not above 0 are left out. */
  readonly points: readonly Point[];
  /** For what was computed and not measured. Default: `false`. */
  readonly isDashed?: boolean;
}

export interface LineChart {
  /** Shown above the chart, and its accessible name. */
  readonly title: string;
  /** The text for readers who cannot see the chart. */
  readonly description: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Default: `linear`. */
  readonly xScale?: Scale;
  /** Default: `linear`. */
  readonly yScale?: Scale;
  /** Where the x axis is marked. Default: round numbers. */
  readonly xTicks?: readonly number[];
  /** At most 7, because there are only 7 distinct colours. */
  readonly series: readonly LineSeries[];
}

export interface BarSeries {
  readonly name: string;
  /** One for each group; `null` where nothing was measured. */
  readonly values: readonly (number | null)[];
}

export interface BarChart {
  readonly title: string;
  readonly description: string;
  readonly yLabel: string;
  /** Default: `linear`. */
  readonly yScale?: Scale;
  readonly groups: readonly string[];
  readonly series: readonly BarSeries[];
}

const WIDTH = 760;
const HEIGHT = 440;
const PLOT = { left: 84, right: 24, top: 88, bottom: 64 };
const PLOT_WIDTH = WIDTH - PLOT.left - PLOT.right;
const PLOT_HEIGHT = HEIGHT - PLOT.top - PLOT.bottom;
const LEGEND_TOP = 52;

/** Okabe and Ito's colours: distinct for colour-blind readers, readable on white and on black. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b', '#56b4e9', '#888888'];

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .tick { font-size: 12px; fill: #59636e; }
  .grid { stroke: #d1d9e0; stroke-width: 1; }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .tick { fill: #9198a1; }
    .grid { stroke: #3d444d; }
  }`;

interface Axis {
  readonly ticks: readonly number[];
  /** From 0 at the axis' beginning to 1 at its end. */
  position(value: number): number;
}

export function lineChart(chart: LineChart): string {
  const { xScale = 'linear', yScale = 'linear', xTicks } = chart;
  const series = chart.series.map((one) => ({
    ...one,
    points: one.points.filter(
      ({ x, y }) => (xScale === 'linear' || x > 0) && (yScale === 'linear' || y > 0),
    ),
  }));
  const points = series.flatMap((one) => one.points);
  const xAxis = axis(
    points.map(({ x }) => x),
    xScale,
    { startsAtZero: false, ticks: xTicks },
  );
  const yAxis = axis(
    points.map(({ y }) => y),
    yScale,
    { startsAtZero: true },
  );
  const place = ({ x, y }: Point) => ({
    x: round(PLOT.left + xAxis.position(x) * PLOT_WIDTH),
    y: round(PLOT.top + (1 - yAxis.position(y)) * PLOT_HEIGHT),
  });
  const lines = series.map(({ points: own, isDashed = false }, index) => {
    const places = own.map(place);
    const path = places.map(({ x, y }) => `${x},${y}`).join(' ');
    const dash = isDashed ? ' stroke-dasharray="6 5"' : '';
    const dots = isDashed
      ? []
      : places.map(({ x, y }) => `<circle cx="${x}" cy="${y}" r="3.5" fill="${colour(index)}"/>`);
    return [
      `<polyline class="line" stroke="${colour(index)}"${dash} points="${path}"/>`,
      ...dots,
    ].join('\n');
  });
  const xMarks = xAxis.ticks.map((tick) => {
    const x = round(PLOT.left + xAxis.position(tick) * PLOT_WIDTH);
    return xMark(x, readable(tick));
  });
  return svg(chart, [...grid(yAxis), ...xMarks, xAxisLabel(chart.xLabel), ...lines]);
}

export function groupedBarChart(chart: BarChart): string {
  const values = chart.series.flatMap((one) => one.values.filter((value) => value !== null));
  const yAxis = axis(values, chart.yScale ?? 'linear', { startsAtZero: true });
  const groupWidth = PLOT_WIDTH / chart.groups.length;
  const barWidth = (groupWidth * 0.8) / chart.series.length;
  const bars = chart.series.flatMap(({ name, values: own }, index) =>
    own.flatMap((value, group) => {
      if (value === null || (chart.yScale === 'log' && value <= 0)) return [];
      const height = round(Math.max(0, yAxis.position(value)) * PLOT_HEIGHT);
      const x = round(PLOT.left + groupWidth * (group + 0.1) + barWidth * index);
      const y = round(PLOT.top + PLOT_HEIGHT - height);
      const label = text(`${name}, ${chart.groups[group]}: ${readable(value)}`);
      return `<rect x="${x}" y="${y}" width="${round(barWidth * 0.92)}" height="${height}" fill="${colour(index)}"><title>${label}</title></rect>`;
    }),
  );
  const groups = chart.groups.map((group, index) =>
    xMark(round(PLOT.left + groupWidth * (index + 0.5)), group),
  );
  return svg(chart, [...grid(yAxis), ...groups, ...bars]);
}

function svg(
  chart: {
    readonly title: string;
    readonly description: string;
    readonly yLabel: string;
    readonly series: readonly { readonly name: string; readonly isDashed?: boolean }[];
  },
  body: readonly string[],
): string {
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title description">`,
    `<title id="title">${text(chart.title)}</title>`,
    `<desc id="description">${text(chart.description)}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="${PLOT.left}" y="28">${text(chart.title)}</text>`,
    ...legend(chart.series),
    `<text class="tick" text-anchor="middle" transform="translate(18 ${PLOT.top + PLOT_HEIGHT / 2}) rotate(-90)">${text(chart.yLabel)}</text>`,
    ...body,
    '</svg>',
  ].join('\n')}\n`;
}

function legend(series: readonly { readonly name: string; readonly isDashed?: boolean }[]) {
  let x = PLOT.left;
  return series.map(({ name, isDashed = false }, index) => {
    const dash = isDashed ? ' stroke-dasharray="5 4"' : '';
    const entry = `<line x1="${round(x)}" y1="${LEGEND_TOP}" x2="${round(x + 22)}" y2="${LEGEND_TOP}" stroke="${colour(index)}" stroke-width="4"${dash}/><text x="${round(x + 28)}" y="${LEGEND_TOP + 4}">${text(name)}</text>`;
    // Text cannot be measured here: 7.2 is a wide letter of the font's usual size.
    x += 28 + name.length * 7.2 + 20;
    return entry;
  });
}

function grid(yAxis: Axis): string[] {
  return yAxis.ticks.map((tick) => {
    const y = round(PLOT.top + (1 - yAxis.position(tick)) * PLOT_HEIGHT);
    return `<line class="grid" x1="${PLOT.left}" y1="${y}" x2="${WIDTH - PLOT.right}" y2="${y}"/><text class="tick" text-anchor="end" x="${PLOT.left - 8}" y="${y + 4}">${readable(tick)}</text>`;
  });
}

function xMark(x: number, label: string): string {
  return `<text class="tick" text-anchor="middle" x="${x}" y="${HEIGHT - PLOT.bottom + 20}">${text(label)}</text>`;
}

function xAxisLabel(label: string): string {
  return `<text class="tick" text-anchor="middle" x="${PLOT.left + PLOT_WIDTH / 2}" y="${HEIGHT - 16}">${text(label)}</text>`;
}

function axis(
  values: readonly number[],
  scale: Scale,
  options: { readonly startsAtZero: boolean; readonly ticks?: readonly number[] | undefined },
): Axis {
  if (values.length === 0) throw new RangeError('Expected values to draw, got none.');
  const smallest = values.reduce((some, other) => Math.min(some, other));
  const largest = values.reduce((some, other) => Math.max(some, other));
  if (scale === 'log') {
    const isWholeDecades = options.ticks === undefined;
    const start = isWholeDecades ? Math.floor(Math.log10(smallest)) : Math.log10(smallest);
    const end = isWholeDecades ? Math.ceil(Math.log10(largest)) : Math.log10(largest);
    const length = end - start || 1;
    const decades = Array.from({ length: length + 1 }, (_, index) => 10 ** (start + index));
    return {
      ticks: options.ticks ?? decades,
      position: (value) => (Math.log10(value) - start) / length,
    };
  }
  const start = options.startsAtZero ? Math.min(0, smallest) : smallest;
  const step = roundStep((largest - start || 1) / 5);
  const firstTick = Math.floor(start / step);
  const lastTick = Math.ceil(largest / step);
  const ticks = Array.from(
    { length: Math.max(1, lastTick - firstTick) + 1 },
    (_, index) => (firstTick + index) * step,
  );
  const from = ticks[0] as number;
  const length = (ticks.at(-1) as number) - from;
  return { ticks: options.ticks ?? ticks, position: (value) => (value - from) / length };
}

/** The next of 1, 2, 5, 10, 20, 50, … */
function roundStep(atLeast: number): number {
  const decade = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5].find((one) => one * decade >= atLeast) ?? 10;
  return factor * decade;
}

function readable(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toPrecision(3))} M`;
  if (value >= 1_000) return `${Number((value / 1_000).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] as string;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
