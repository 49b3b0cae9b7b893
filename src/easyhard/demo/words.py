"""Word lists behind the demo's questions. Common knowledge, written down for this project."""

from __future__ import annotations

OPPOSITES = {
    "hot": "cold", "big": "small", "up": "down", "day": "night", "happy": "sad", "fast": "slow",
    "open": "closed", "full": "empty", "young": "old", "rich": "poor", "light": "dark", "wet": "dry",
    "hard": "soft", "strong": "weak", "early": "late", "near": "far", "left": "right", "love": "hate",
    "win": "lose", "push": "pull", "true": "false", "begin": "end", "loud": "quiet", "thick": "thin",
    "deep": "shallow", "rough": "smooth", "ancient": "modern", "arrive": "depart", "expand": "shrink",
    "guilty": "innocent", "scarce": "plentiful", "humble": "proud", "transparent": "opaque",
    "temporary": "permanent", "vertical": "horizontal", "artificial": "natural", "generous": "stingy",
    "ascend": "descend", "victory": "defeat", "import": "export",
}  # fmt: skip

# country: (capital, continent)
COUNTRIES = {
    "France": ("Paris", "Europe"), "Italy": ("Rome", "Europe"), "Spain": ("Madrid", "Europe"),
    "Germany": ("Berlin", "Europe"), "Poland": ("Warsaw", "Europe"), "Greece": ("Athens", "Europe"),
    "Norway": ("Oslo", "Europe"), "Austria": ("Vienna", "Europe"), "Hungary": ("Budapest", "Europe"),
    "Portugal": ("Lisbon", "Europe"), "Finland": ("Helsinki", "Europe"), "Bulgaria": ("Sofia", "Europe"),
    "Romania": ("Bucharest", "Europe"), "Latvia": ("Riga", "Europe"), "Japan": ("Tokyo", "Asia"),
    "China": ("Beijing", "Asia"), "India": ("New Delhi", "Asia"), "Thailand": ("Bangkok", "Asia"),
    "Vietnam": ("Hanoi", "Asia"), "Nepal": ("Kathmandu", "Asia"), "Mongolia": ("Ulaanbaatar", "Asia"),
    "Iran": ("Tehran", "Asia"), "Iraq": ("Baghdad", "Asia"), "Bangladesh": ("Dhaka", "Asia"),
    "Egypt": ("Cairo", "Africa"), "Kenya": ("Nairobi", "Africa"), "Ghana": ("Accra", "Africa"),
    "Ethiopia": ("Addis Ababa", "Africa"), "Senegal": ("Dakar", "Africa"), "Zambia": ("Lusaka", "Africa"),
    "Uganda": ("Kampala", "Africa"), "Angola": ("Luanda", "Africa"), "Canada": ("Ottawa", "North America"),
    "Cuba": ("Havana", "North America"), "Jamaica": ("Kingston", "North America"),
    "Mexico": ("Mexico City", "North America"), "Peru": ("Lima", "South America"),
    "Chile": ("Santiago", "South America"), "Ecuador": ("Quito", "South America"),
    "Argentina": ("Buenos Aires", "South America"), "Uruguay": ("Montevideo", "South America"),
    "Australia": ("Canberra", "Oceania"),
    "Fiji": ("Suva", "Oceania"), "New Zealand": ("Wellington", "Oceania"),
}  # fmt: skip

PAST_TENSE = {
    "go": "went", "see": "saw", "eat": "ate", "run": "ran", "buy": "bought", "think": "thought",
    "take": "took", "give": "gave", "write": "wrote", "speak": "spoke", "break": "broke", "drive": "drove",
    "fly": "flew", "know": "knew", "teach": "taught", "catch": "caught", "swim": "swam", "sing": "sang",
    "begin": "began", "freeze": "froze", "steal": "stole", "wear": "wore", "shake": "shook", "tear": "tore",
    "grow": "grew", "draw": "drew", "fight": "fought", "leave": "left", "seek": "sought",
    "forsake": "forsook", "bind": "bound",
    "creep": "crept", "flee": "fled", "grind": "ground", "sting": "stung",
}  # fmt: skip

PLURALS = {
    "mouse": "mice", "child": "children", "foot": "feet", "tooth": "teeth", "goose": "geese", "man": "men",
    "woman": "women", "ox": "oxen", "leaf": "leaves", "knife": "knives", "wolf": "wolves",
    "half": "halves", "life": "lives", "city": "cities", "baby": "babies", "box": "boxes", "potato": "potatoes",
    "cactus": "cacti", "crisis": "crises", "phenomenon": "phenomena", "criterion": "criteria",
    "analysis": "analyses", "bacterium": "bacteria", "louse": "lice", "thief": "thieves",
    "datum": "data", "index": "indices", "vertex": "vertices", "appendix": "appendices",
}  # fmt: skip

SYMBOLS = {
    "hydrogen": "H", "oxygen": "O", "carbon": "C", "nitrogen": "N", "helium": "He", "sodium": "Na",
    "gold": "Au", "silver": "Ag", "iron": "Fe", "copper": "Cu", "lead": "Pb", "tin": "Sn", "zinc": "Zn",
    "potassium": "K", "calcium": "Ca", "chlorine": "Cl", "mercury": "Hg", "tungsten": "W", "nickel": "Ni",
    "silicon": "Si", "neon": "Ne", "argon": "Ar", "magnesium": "Mg", "aluminium": "Al", "sulfur": "S",
    "phosphorus": "P", "iodine": "I", "uranium": "U", "platinum": "Pt", "cobalt": "Co", "antimony": "Sb",
    "manganese": "Mn", "lithium": "Li", "boron": "B", "fluorine": "F", "titanium": "Ti", "radium": "Ra",
}  # fmt: skip

YOUNG = {
    "dog": "puppy", "cat": "kitten", "cow": "calf", "horse": "foal", "sheep": "lamb", "duck": "duckling",
    "bear": "cub", "deer": "fawn", "goat": "kid", "pig": "piglet", "frog": "tadpole",
    "goose": "gosling", "swan": "cygnet", "eagle": "eaglet", "hare": "leveret", "kangaroo": "joey",
    "fish": "fry", "owl": "owlet", "eel": "elver", "butterfly": "caterpillar", "fly": "maggot",
}  # fmt: skip

# (word, word that rhymes with it); no two words of the right column rhyme with one another
RHYMES = [
    ("cat", "hat"), ("dog", "log"), ("sun", "run"), ("tree", "bee"), ("house", "mouse"), ("star", "car"),
    ("knight", "bite"), ("rain", "lane"), ("break", "snake"), ("moon", "spoon"), ("ring", "king"),
    ("boat", "note"), ("bread", "said"), ("queue", "shoe"), ("bear", "chair"), ("door", "four"),
    ("wood", "could"), ("phone", "stone"), ("word", "bird"), ("eight", "plate"), ("though", "snow"),
    ("laugh", "half"), ("heart", "part"), ("sleigh", "day"), ("debt", "jet"), ("aisle", "smile"),
    ("tomb", "room"), ("comb", "home"), ("guest", "nest"), ("sword", "board"), ("niece", "peace"),
    ("rhyme", "lime"), ("blood", "mud"), ("cough", "off"),
]  # fmt: skip

COMMON_WORDS = [
    "garden",
    "window",
    "yellow",
    "bridge",
    "silver",
    "planet",
    "monkey",
    "winter",
    "orange",
    "doctor",
    "market",
    "pencil",
    "button",
    "castle",
    "forest",
    "island",
    "jacket",
    "kitchen",
    "ladder",
    "mirror",
    "number",
    "office",
    "parent",
    "rabbit",
    "school",
    "tunnel",
    "uncle",
    "valley",
    "wagon",
    "zebra",
    "apple",
    "bottle",
    "candle",
    "desert",
    "engine",
    "finger",
    "guitar",
    "hammer",
    "insect",
    "jungle",
    "kettle",
    "lemon",
    "mountain",
    "needle",
    "ocean",
    "pillow",
    "quarter",
    "river",
    "saddle",
    "table",
    "umbrella",
    "village",
    "water",
    "yard",
    "bread",
    "chair",
]

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
