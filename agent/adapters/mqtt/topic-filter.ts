/** Whether a topic matches a filter whose only wildcards are single levels (MQTT 5, 4.7.1.3). */
export function matchesFilter(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  return (
    levels.length === wanted.length &&
    wanted.every((level, i) => level === '+' || level === levels[i])
  );
}
