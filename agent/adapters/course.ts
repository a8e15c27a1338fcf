/**
 * Work on the system that waits for its answers. A generator and no `async` function, so that a simulation can carry it out
 * without native promises, whose order is the engine's.
 */
export type Course<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** Waits for an answer of the system; throws what it refuses with. */
export function* answerOf<T>(answer: PromiseLike<T>): Course<T> {
  return (yield answer) as T;
}

/** Carries a course out. */
export async function carryOut<T>(course: Course<T>): Promise<T> {
  let step = course.next();
  while (step.done !== true) {
    let answer: unknown;
    try {
      answer = await step.value;
    } catch (error) {
      step = course.throw(error);
      continue;
    }
    step = course.next(answer);
  }
  return step.value;
}
