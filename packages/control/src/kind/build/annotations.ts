/** On a Build: stop it. The value says why, for people. */
export const cancelAnnotation = 'galley.dev/cancel';

/**
 * On an Application: a person asked for a deploy at this time. A new value makes a new build even when nothing else
 * changed (a branch may have moved); the Build made for it carries the same value.
 */
export const deployedAtAnnotation = 'galley.dev/deployed-at';
