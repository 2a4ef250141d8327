/** Whether two lists or records have the same members. A snapshot that is equal to the last one has to be the last one. */
export function same<T extends object>(one: T, other: T): boolean {
  const [names, others] = [Object.keys(one), Object.keys(other)] as (keyof T)[][];
  return names?.length === others?.length && (names ?? []).every((name) => Object.is(one[name], other[name]));
}
