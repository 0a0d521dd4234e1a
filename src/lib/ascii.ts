/**
 * Lower case for addresses. `toLowerCase` also makes ASCII letters of other scripts' letters, such as `k` of the Kelvin
 * sign (U+212A): two addresses would be one.
 */

/** Makes `A` to `Z` lower case, and leaves every other character as it is. */
export function toAsciiLowerCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
