"""What citizens say of themselves in Spanish and Hindi, in the English of most opportunities.

Not a translation: a list of the words of work, help and neighbourhood, enough for ranking. A stem of four or more
letters matches every word that begins with it, which covers gender, number and conjugation; a shorter one matches
only itself. Written for this project; add a line for a word that is missed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

_SPANISH = """
abogad=lawyer legal attorney; abuel=grandparents seniors; abuso=abuse; acampa=camping;
accesib=accessibility disability; accident=accident; activid=activities; activis=activism advocacy;
actua=acting theater; acuari=aquarium; acuatic=aquatic swimming; adiccion=addiction recovery;
administra=administration administrative office; adolescen=teens youth; adopcion=adoption; adulto=adults;
aerobic=aerobics fitness; aeropuerto=airport; agricul=agriculture farming garden; agricol=agriculture farming;
agua=water; aire=air; ajedrez=chess; alban=mason bricklayer; albergue=shelter homeless;
alcald=mayor city government; alcantarill=sewer drainage; alcohol=alcohol; alfabet=literacy reading;
aliment=food nutrition; almacen=warehouse stock; almuerz=lunch meals; alojamiento=housing shelter;
alquiler=rent tenant housing; ambient=environment environmental; ambulanc=ambulance emergency medical;
amig=friends; analisis=analysis; analista=analyst; analiz=analyze analysis; ancian=elderly seniors older adults;
animal=animals; antropolog=anthropology; apoy=support help; aprend=learn; arbol=trees tree planting;
archiv=archives records filing; arquitect=architecture architect; arregl=repair fix; arte=art arts; artes=arts;
artesan=crafts; artist=artist arts; ascensor=elevator; aseo=cleaning sanitation; asesor=advising counseling;
asilo=asylum immigration; asistent=assistant aide; asistencia=assistance; atencion=care service;
atletism=athletics running; audito=audit auditor; autis=autism special needs; auto=car vehicle; autobus=bus;
automotri=automotive; ayud=help assist volunteer; ayudant=helper assistant; ayuntamient=city government;
bail=dance; baloncesto=basketball; banc=bank; barrer=sweeping cleaning; barrio=neighborhood community;
basket=basketball; basura=garbage trash sanitation; bebe=babies infants; beca=scholarship grant;
beisbol=baseball; bibliotec=library books; bicicl=bicycle cycling bike; bienestar=wellness welfare;
bienes=property; bilingu=bilingual spanish; biolog=biology science; bodeg=warehouse stock;
bombero=firefighter fire safety; bosque=forest trees; botanic=botanical garden; buscar=seeking; caja=cashier;
cajer=cashier; caldera=boiler; calefacc=heating boiler; calle=street; calidad=quality; camar=camera;
camara=camera photography; camion=truck driver; campamento=camp; campo=farm field outdoors;
cancer=cancer patients; canto=singing music; cantar=singing music; capacit=training; cargador=loading lifting;
carga=freight loading; carpinter=carpentry carpenter woodwork; carretera=road highway; carta=letters;
casa=home house; catastrof=disaster; cemento=cement concrete; cena=dinner meals; censo=census; centro=center;
cerraj=locksmith; certific=certified; charla=talks workshops education; chef=chef cooking; chino=chinese;
ciclis=cycling bike; cienci=science; cine=film cinema; ciudad=city urban; ciudadan=citizenship civic;
clase=classes teaching; climat=climate; clinic=clinic medical health; cobr=billing collection; coche=car;
cocin=cooking kitchen meals food; codigo=code; colegio=school; comedor=soup kitchen meals;
comercio=commerce business; comida=food meals; compr=purchasing shopping; compost=compost;
comput=computer technology; comunic=communication; comunidad=community; comunit=community;
conduc=driver driving; conduct=driver driving; confeccion=sewing; conserje=custodian janitor;
consej=counseling advice; constru=construction building; construc=construction building; consult=consulting;
contabil=accounting bookkeeping; contador=accountant accounting; contrat=contracts procurement;
cooperativ=cooperative; coordin=coordinator coordination; coro=choir singing; correo=mail; corte=court;
cosecha=harvest; coser=sewing; costura=sewing; crianza=parenting; crisis=crisis; cruz roja=red cross;
cuid=care caregiver; cuidado de ninos=child care; cultur=culture cultural arts; cultiv=growing garden farm;
curriculo=resume; danza=dance; dato=data; datos=data; defens=advocacy defense; delito=crime; dental=dental;
dentista=dentist dental; deport=sports athletics recreation; derech=rights law legal; desarroll=development;
desastre=disaster emergency; desempleo=unemployment; desperdici=waste; deuda=debt; diabet=diabetes health;
dibuj=drawing art; dieta=diet nutrition; digital=digital technology; dinero=money finance; direct=director;
discapac=disability disabled; diseñ=design; disen=design graphic; distribu=distribution delivering;
doctor=doctor medical; documental=documentary film; documento=documents; domestic=domestic household;
domicili=home; donacion=donation; donant=donor; donar=donate; drenaj=drainage sewer; droga=drugs substance;
ducha=shower; ecolog=ecology environment; econom=economics finance; edific=buildings maintenance;
editor=editor writing; educa=education teaching school; ejercici=exercise fitness;
electric=electrical electrician; electrici=electrical electrician; elevador=elevator;
embaraz=pregnancy maternal health; emergenc=emergency; emple=employment job; empresa=business company;
encuest=survey; energia=energy; enferm=nurse nursing patients; enfermer=nurse nursing;
enfermedad=disease illness; enseñ=teaching; ensen=teaching tutoring; entrenad=coach trainer; entreg=delivery;
entrevist=interview; envejec=aging seniors; epidemi=epidemiology public health; equipo=team; escrib=writing;
escritor=writer writing; escritura=writing; escuch=listening; escuel=school; escultur=sculpture art;
español=spanish; espanol=spanish; especial=special; esposa=family; estadistic=statistics data;
estrategi=strategy; estudiant=student; etica=ethics; evaluac=evaluation; evento=events; excel=excel;
expediente=case files; fabrica=factory; factur=invoices billing; familia=families; farmac=pharmacy;
feria=fair festival; ferrocarril=railroad; festival=festival events; finanz=finance; financ=finance budget;
fisc=fiscal tax; fisioterap=physical therapy; flor=flowers gardening; fondos=fundraising funds;
fontaner=plumbing plumber; foto=photography photo; fotograf=photography; frances=french;
futbol=soccer football sports; galeria=gallery; ganad=livestock; gato=cats animals; genero=gender women;
geograf=geography gis mapping; gerent=manager; geriatr=geriatrics elderly; gestion=management;
gimnas=gym fitness; gobiern=government; grafic=graphic; granja=farm; gripe=flu vaccine;
guarderi=day care child care; guardia=guard security; guerra=veterans; guia=guide tours; guitarr=guitar music;
habitac=housing; hablo=speak; hambre=hunger food pantry; herramient=tools; hij=children family;
hipertens=hypertension health; histori=history; hogar=home; hospital=hospital; hortaliz=vegetables garden;
hotel=hotel hospitality; huerto=community garden; huracan=hurricane disaster; idioma=languages; iglesia=church;
igualdad=equality justice; imprent=printing; impuest=tax; incendi=fire; indigen=indigenous; infantil=children;
infan=children; informatic=computer information technology; ingenier=engineering engineer; ingles=english esl;
inmigra=immigrant immigration; inmueb=real estate property; inquilin=tenant housing; inscri=enrollment;
insertar=placement; inspec=inspection inspector; instala=installation; institut=institute; intercultur=cultural;
internac=international; interpre=interpreter translation; inundac=flood; inventari=inventory; investig=research;
jabon=hygiene; jardin=gardening garden horticulture parks; jefe=supervisor; joven=youth young; jovenes=youth;
jubilad=retired senior; judicial=judicial court; jueg=games play recreation; juez=judge court; jurid=legal;
juridic=legal; justicia=justice; juvenil=youth; laboral=labor employment; laborator=laboratory; lago=lake water;
latin=latino hispanic; lavander=laundry; leer=reading; lect=reading literacy; lectur=reading literacy;
lenguaj=language; ley=law; leyes=law; libro=books; licenc=license; lider=leadership;
limpi=cleaning cleanup custodial; lineas=lines; liter=literature; llamad=calls; lluvi=rain; logistic=logistics;
madera=wood carpentry; madre=mothers; maestr=teacher teaching; maltrat=abuse domestic violence;
mantenim=maintenance repair; manual=manual crafts; mapa=maps gis; maquin=machine operator equipment;
mascot=pets animals; matematic=math; materna=maternal; matern=maternal; mayor=seniors;
mayores=seniors older adults; mecanic=mechanic mechanical; medic=medical health; medicament=medication;
medio ambiente=environment environmental; memoria=memory; mensajer=messenger; mental=mental health;
mentor=mentoring; mercad=market; merienda=snacks; mesa=table; mesero=waiter food service; metal=metal;
metro=subway transit; migra=migrant immigration; militar=military; minusv=disability; moda=fashion;
modista=sewing; montañ=hiking; montan=hiking; mosaic=mosaic; motor=engine; mudanza=moving; muebl=furniture;
mujer=women; mundial=world; municip=municipal city; mural=mural painting; museo=museum; music=music;
nadar=swimming; natac=swimming; natur=nature; naturaleza=nature; naviden=holiday christmas;
navidad=holiday christmas; necesitad=needy people; negoci=business; nieve=snow; niñ=children kids;
nino=children kids; nina=girls children; niñera=child care babysitting; niñez=childhood; nomina=payroll;
novela=writing; nutric=nutrition; obra=construction works; obras=construction works; obrer=laborer worker;
oceano=ocean beach; ofici=office clerical; oficina=office clerical; ong=nonprofit; operador=operator;
ordenador=computer; organiz=organizing; orient=guidance counseling; ortograf=spelling; paciente=patients;
padre=parents; padres=parents; pais=country; pajaro=birds; palomas=birds; panader=baker bakery;
pantano=wetlands; papel=paper; parqu=parks; parroquia=church; participa=participation; parto=birth;
pasaje=passengers; paseo=walking; pase=walking; pastel=baking; patinaj=skating; paz=peace;
peaton=pedestrian street safety; pediatr=pediatric children; pelicul=film; pelot=ball sports;
peluquer=hairdresser; periodis=journalism media; permiso=permits; perro=dogs animals; person=people;
personal=personnel staff; pesca=fishing; pesticid=pesticide; piano=piano; piel=skin; pint=painting;
pintor=painter painting; pintura=painting; piscina=pool swimming; planific=planning; planta=planting plants;
plantar=planting; playa=beach; plom=plumbing plumber; plomer=plumbing plumber; pobre=poverty low income;
pobreza=poverty; podar=pruning; poesia=poetry; polic=police; politic=policy; portero=doorman;
portugues=portuguese; preescol=preschool early childhood; prejardin=preschool; prensa=press; presupuest=budget;
prevenc=prevention; primaria=elementary school; primeros auxilios=first aid; prision=prison; privacidad=privacy;
problem=problems; profesor=teacher; program=programs; programacion=programming software;
programador=programmer software developer; promotor=outreach health educator;
promotora de salud=community health worker; prostit=sex workers; protec=protection; protesta=protest;
proyect=project; psicolog=psychology counseling; psiquiatr=psychiatry; public=public;
publicidad=advertising marketing; pueblo=town people; puente=bridge; puerta=door; queja=complaints;
quimic=chemistry; radio=radio; rampa=ramp; recaud=fundraising; recepc=reception receptionist; recicl=recycling;
reclut=recruitment; reconstru=rebuilding; recreac=recreation; recurs=resources;
recursos humanos=human resources; redac=writing; redes=network; redes sociales=social media;
refugi=refugee shelter; regar=watering; registro=registration records; rehabil=rehabilitation;
reintegra=reentry; relaciones publicas=public relations; religi=faith; remo=rowing; rent=rent; repar=repair;
repart=delivery distribution; repartiendo=delivering distributing; residuos=waste; resolu=resolution;
respirat=respiratory; restaur=restaurant food service; restauracion=restoration; reunion=meetings; rio=river;
robot=robotics; ropa=clothing; rural=rural; ruso=russian; saco=bags; sala=room; sald=balance; salud=health;
salud publica=public health; salvavidas=lifeguard; sanidad=health; sanitari=sanitary health;
sangre=blood donation; secretari=secretary clerical; secundaria=high school; segur=safety security;
seguridad=security safety; seguro=insurance; seguro medico=health insurance; sembr=planting; semill=seeds;
sender=trails; seropositiv=hiv; servic=service; servidor=server; sexual=sexual health; sida=aids hiv;
siembra=planting; signos vitales=vital signs; silla de ruedas=wheelchair; sindicat=union labor; sistema=systems;
social=social; sociedad=society; software=software; soldad=welding; soldado=veterans; solicitud=applications;
solidar=solidarity; soltera=single; sopa=soup; sord=deaf; subven=grants; suicid=suicide; suministr=supplies;
supervis=supervisor; suelo=soil; sustent=sustainability; sosten=sustainability; tala=tree; taller=workshop;
taxi=driver; teatro=theater; tecnic=technician technical; tecnolog=technology; telefon=telephone;
television=television; terapeut=therapist; terap=therapy; tercera edad=seniors elderly; texto=text;
tienda=store; tierra=land soil; tiempo completo=full time; tortug=turtles; trabajador social=social worker;
trabajo social=social work; trabaj=work job; traduc=translation interpreter; trafic=traffic;
transito=traffic transit; transport=transportation; tratamient=treatment; tren=train; tribunal=court;
turis=tourism; tutor=tutoring; universi=university college; urban=urban planning; urgenc=emergency;
usuario=users; vacun=vaccines immunization; vecin=neighbors neighborhood; vegetal=vegetables; vehicul=vehicles;
vela=sailing; vend=sales; vent=sales; ventas=sales; veteran=veterans; veterin=veterinary animals; via=road;
viaj=travel; victim=victims; vida=life; video=video; vidrio=glass; viej=old elderly; vigilan=security guard;
vih=hiv aids; violenc=violence; visita=visits; visitas domiciliarias=home visits; viudo=widow;
vivero=nursery plants; vivienda=housing; volei=volleyball; voluntar=volunteer; votan=voters; voto=voting;
yoga=yoga; zapat=shoes; zoolog=zoo animals; zumba=zumba
"""

_HINDI = """
अंग्रेज=english esl; अंग्रेज़=english esl; अकाउंट=accounting accountant; अखबार=newspaper journalism; अग्नि=fire;
अदालत=court; अधिकार=rights; अधिकारी=officer; अध्यापक=teacher teaching; अध्यापिका=teacher teaching;
अनाज=grain food; अनाथ=orphans children; अनुदान=grants; अनुभव=experience; अनुवाद=translation interpreter;
अनुसंधान=research; अपंग=disabled; अपराध=crime; अप्रवास=immigrant immigration; अभिनय=acting theater;
अभिभावक=parents; अर्थ=finance; अर्थशास्त्र=economics; अल्पसंख्यक=minority; अस्पताल=hospital medical;
आंकड़=data statistics; आंकड़े=data statistics; आग=fire; आजीविका=livelihood employment; आदिवासी=indigenous;
आपदा=disaster emergency; आपात=emergency; आयुर्वेद=health; आय=income; आयोजन=organizing events;
आर्थिक=financial economic; आवास=housing; आवेदन=application; आश्रय=shelter; आहार=nutrition food;
इंजीनियर=engineer engineering; इंटरनेट=internet; इतिहास=history; इमारत=buildings maintenance;
इलाज=treatment medical; इलेक्ट्र=electrical electrician; ईमेल=email; उत्सव=festival events; उद्यम=business;
उद्यान=parks garden; उपचार=treatment; उपन्यास=writing; उर्दू=urdu; ऊर्जा=energy; एकाउंट=accounting accountant;
एक्सेल=excel; एचआईवी=hiv; एड्स=aids; ऑडिट=audit; ऑफिस=office; औज़ार=tools; औजार=tools; औरत=women;
कंप्यूटर=computer technology; कम्प्यूटर=computer technology; कचर=garbage trash waste; कचरा=garbage trash waste;
कथक=dance; कपड़=clothing; कमाई=income; कर=tax; करियर=career; कर्ज=debt; कर्मचारी=staff employee; कला=art arts;
कलाकार=artist; कविता=poetry; कहानी=stories reading; कानून=law legal; क़ानून=law legal; कार=car; कारखान=factory;
कारपेंटर=carpenter; कार्यक्रम=programs events; कार्यालय=office; कार्यशाला=workshop; किचन=kitchen cooking;
किताब=books reading; किराय=rent tenant housing; किशोर=teens youth; किसान=farmer agriculture; कुत्त=dogs animals;
कुश्ती=sports; कूड़=garbage trash; कैंसर=cancer patients; कैंप=camp; कैमरा=camera photography; कॉलेज=college;
कोच=coach; कोडिंग=programming; कोर्ट=court; कौशल=skills training; क्रिकेट=cricket sports; क्लिनिक=clinic;
क्लीनिक=clinic; खरीद=purchasing procurement; खाता=accounts; खातों=accounts accounting; खान=food meals cooking;
खाना=food cooking meals; खाद=compost; खाद्य=food; खिलाड़=sports; खुशी=happiness; खेत=farm;
खेती=farming agriculture; खेल=sports games recreation; गणित=math tutoring; गरीब=poverty low income;
गर्भ=pregnancy maternal; गाइड=guide; गाड़ी=vehicle driving; गायन=singing music; गाना=singing music;
गाने=singing music; गिटार=guitar; गीत=songs music; गुजराती=gujarati; गुरुद्वार=community temple;
गृह=home housing; गृहिणी=homemaker; गोदाम=warehouse; ग्राफिक=graphic design; ग्राहक=customer service;
ग्रामीण=rural; घर=home; घरेलू=domestic household; घरेलू हिंसा=domestic violence; चलान=driving; चालक=driver;
चित्र=drawing painting art; चित्रकला=painting art; चिकित्स=medical health doctor; चिड़िया=birds;
चिड़ियाघर=zoo animals; चुनाव=voting; छात्र=students; छात्रवृत्ति=scholarship; छोटे=small; जंगल=forest;
जनता=public; जन=public; जनसंपर्क=public relations outreach; जरूरतमंद=needy people; ज़रूरतमंद=needy people;
जल=water; जलवायु=climate; जांच=inspection testing; जाँच=inspection testing; जानवर=animals; जिम=gym fitness;
जीव=biology; जीवन=life; झाड़ू=sweeping cleaning; टाइपिंग=typing clerical; टीक=vaccine immunization;
टीका=vaccine immunization; टीम=team; टीचर=teacher; टूर=tours; टैक्स=tax; टैक्सी=driver; ट्यूशन=tutoring;
ट्यूटर=tutoring; ट्रक=truck driver; ट्रेनिंग=training; डांस=dance; डाइट=diet nutrition; डाक=mail; डाटा=data;
डायबिटीज=diabetes; डिजाइन=design; डिज़ाइन=design; डिजिटल=digital technology; डिलीवरी=delivery; डेटा=data;
डेटाबेस=database; डॉक्टर=doctor medical; ड्राइव=driver driving; ड्राइविंग=driving;
तकनीक=technical technology technician; तकनीश=technician; तबला=music; तमिल=tamil; तैर=swimming; तैराकी=swimming;
त्योहार=festival events; थिएटर=theater; थेरेपी=therapy; दंत=dental; दफ्तर=office; दफ़्तर=office;
दर्ज=sewing tailor; दर्जी=tailor sewing; दवा=medicine pharmacy; दवाई=medicine pharmacy; दस्तावेज=documents;
दस्तावेज़=documents; दादी=grandmother elderly; दान=donation; दिव्यांग=disability disabled; दुकान=store sales;
दूतावास=embassy; देखभाल=care caregiver; देखरेख=care supervision; दोस्त=friends; दौड़=running; धर्म=faith;
ध्यान=meditation; नदी=river water; नर्स=nurse nursing; नल=plumbing; नलसाज़=plumber; नशा=addiction substance;
नशे=addiction substance; नाट=theater; नागरिक=citizen civic; नागरिकता=citizenship; नाच=dance;
निरीक्ष=inspector inspection; निर्माण=construction building; निवास=residence; नीति=policy; नृत्य=dance;
नेत्र=eye; नेटवर्क=network; नौकरी=job employment; न्याय=justice legal; पंजाबी=punjabi; पक्षी=birds;
पढ़ा=teaching tutoring; पढ़ान=teaching tutoring; पढ़ाई=education studying; पढ़न=reading; पत्र=letters;
पत्रकार=journalism; परामर्श=counseling advice; परिवहन=transportation; परिवार=families; परियोजना=project;
पर्यटन=tourism; पर्यावरण=environment environmental; पशु=animals; पानी=water; पार्क=parks; पालतू=pets animals;
पालन=care; पाइप=pipes plumbing; पीड़ित=victims; पुलिस=police; पुस्तक=books library; पुस्तकालय=library books;
पूजा=community; पूल=pool; पेंट=painting; पेंटर=painter; पेंटिंग=painting art; पेड़=trees tree planting;
पेंशन=retired pension; पैदल=walking pedestrian; पैसे=money finance; पोषण=nutrition;
पौध=plants gardening planting; प्रकृति=nature; प्रचार=outreach marketing; प्रबंध=management manager;
प्रबंधन=management; प्रवासी=immigrants; प्रशासन=administration; प्रशिक्ष=training; प्राइमरी=elementary school;
प्राथमिक=elementary primary; प्राथमिक चिकित्सा=first aid; प्रोग्राम=programming software; प्रोजेक्ट=project;
प्रौद्योगिकी=technology; प्लंबर=plumber; प्लंबिंग=plumbing; फल=fruit; फसल=harvest; फ़ाइल=filing;
फाइल=filing records; फ़ार्म=pharmacy; फार्म=pharmacy; फार्मेसी=pharmacy; फिटनेस=fitness; फिल्म=film;
फुटबॉल=soccer football; फूल=flowers gardening; फोटो=photography photo; फोन=phone; बंगाली=bengali; बकरी=animals;
बगीच=garden gardening; बच्च=children kids; बच्चों की देखभाल=child care; बजट=budget; बढ़ई=carpenter carpentry;
बस=bus; बहन=sisters; बागवान=gardening garden; बागबान=gardening garden; बाज़ार=market; बाजार=market;
बाढ़=flood disaster; बाल=child; बिजली=electrical electrician electricity; बिल=billing; बिल्ली=cats animals;
बीम=insurance; बीमा=insurance; बीमार=illness patients; बुक=books; बुकिंग=booking;
बुज़ुर्ग=elderly seniors older adults; बुजुर्ग=elderly seniors older adults; बुनाई=knitting;
बेघर=homeless shelter; बेटी=daughters family; बेरोजगार=unemployed job readiness; बैंक=bank finance;
बैडमिंटन=sports; बॉयलर=boiler; बोल=speak; बोली=language; भंडार=store pantry; भंडारा=community meals; भजन=music;
भरतनाट्यम=dance; भर्ती=recruitment; भवन=buildings; भारत=indian south asian; भाषा=languages;
भूख=hunger food pantry; भूगोल=geography; भोजन=food meals; मंच=stage; मंदिर=temple community; मकान=house housing;
मजदूर=labor worker; मज़दूर=labor worker; मतदा=voters voting; मदद=help assist volunteer; मधुमेह=diabetes health;
मनोरंजन=recreation; मनोविज्ञान=psychology; मरम्मत=repair maintenance; मरीज़=patients; मरीज=patients;
मशीन=machine operator; महिल=women; मां=mothers; माता=mothers parents; मातृ=maternal; मानचित्र=maps gis;
मानव=human; मानवाधिकार=human rights; मानसिक=mental health; मार्केटिंग=marketing; मार्गदर्श=mentoring guidance;
माली=gardener gardening; मिट्टी=soil; मिस्त्री=mechanic mason; मुकदम=legal court; मेंटर=mentoring;
मेहनत=hard work; मैकेनिक=mechanic; मोटर=motor; मोहल्ल=neighborhood; म्यूज़ियम=museum;
यातायात=traffic transportation; यात्र=travel tours; युवा=youth; योग=yoga wellness; योजना=planning; रंग=painting;
रंगमंच=theater; रक्त=blood donation; रक्तदान=blood donation; रसोइ=cook kitchen; रसोई=kitchen cooking;
राजनीति=politics; राहत=relief disaster; रिकॉर्ड=records; रिटायर=retired; रिसर्च=research; रिसेप्शन=reception;
रेडियो=radio; रेल=railroad; रोग=disease patients; रोगी=patients; रोजगार=employment; रोज़गार=employment;
लकड़ी=wood carpentry; लड़कि=girls; लिख=writing; लेख=writing; लेखन=writing; लेखा=accounting bookkeeping;
लेखाकार=accountant accounting; लेखापरीक्षा=audit; लैब=laboratory; लोक=public; लोग=people; वकालत=advocacy legal;
वकील=lawyer legal attorney; वज़न=weight; वन=forest; वयस्क=adults; वरिष्ठ=senior;
वरिष्ठ नागरिक=senior citizens elderly; वाद्य=music instruments; वास्तु=architecture; वाहन=vehicles driver;
विकलांग=disability disabled; विकास=development; विज्ञान=science; विज्ञापन=advertising; वित्त=finance;
विद्यार्थी=students; विद्यालय=school; विद्युत=electrical electrician; विधवा=widows women;
विश्लेषण=analysis analyst; विश्वविद्यालय=university; वीडियो=video; वृक्ष=trees; वृद्ध=elderly seniors;
वेतन=salary payroll; वेबसाइट=website web; वेल्डिंग=welding; वेल्डर=welder; वैज्ञानिक=scientist science;
व्यवसाय=business; व्यापार=business trade; व्यायाम=exercise fitness; शतरंज=chess; शरण=refugee asylum;
शरणार्थी=refugees; शहर=city urban; शांति=peace; शाकाहार=vegetarian food; शिक्ष=education teaching teacher;
शिक्षक=teacher teaching; शिक्षा=education; शिक्षिका=teacher teaching; शिविर=camp; शिशु=infants babies;
शोध=research; संगठन=organization; संगीत=music; संग्रहालय=museum; संचार=communication; संपत्ति=property;
संपादन=editing; संस्कृति=culture; संस्था=organization nonprofit; सचिव=secretary; सड़क=street road;
सफाई=cleaning cleanup sanitation; सफ़ाई=cleaning cleanup sanitation; सब्ज़=vegetables; सब्जी=vegetables;
समाचार=news; समाज=community society; समाज सेवा=social service; समाजसेवा=social service community;
सामाजिक कार्य=social work; समुदाय=community; समुद्र=beach ocean; सरकार=government city; सर्वेक्षण=survey;
सलाह=advice counseling; सहाय=assistant help; सहायक=assistant aide; सहायता=assistance help; सांस्कृतिक=cultural;
साइकिल=bicycle cycling; साक्षरता=literacy; साक्षात्कार=interview; सामग्री=materials; सामाजिक=social;
सामुदायिक=community; सार्वजनिक=public; साहित्य=literature; सिखा=teaching; सिलाई=sewing; सीख=learn;
सुनना=listening; सुरक्षा=safety security; सूचना=information; सेना=veterans military; सेव=service volunteer;
सेवानिवृत्त=retired; सैनिक=veterans military; सॉफ्टवेयर=software developer; सॉफ़्टवेयर=software developer;
स्कूल=school; स्टोर=store; स्वच्छ=cleaning sanitation; स्वयंसेव=volunteer; स्वास्थ्य=health;
हरिया=green environment; हस्तशिल्प=crafts; हाईस्कूल=high school; हिंसा=violence; हिंदी=hindi; हिन्दी=hindi;
हिसाब=accounting bookkeeping; हृदय=heart; होटल=hotel hospitality; छत=roof; छपाई=printing
"""

_LONGEST_PHRASE_WORDS = 3
_WORD = re.compile(r"[^\W\d_](?:[\w\u0900-\u097f]|['’](?=\w))*")

#: Frequent small words: so many of them in a text, and it is Spanish.
_SPANISH_SMALL_WORDS = "el la los las una y de del en que con por para mi me soy busco como trabajo tengo años"
_SPANISH_SIGNS = frozenset(_SPANISH_SMALL_WORDS.split())
_SPANISH_SIGN_SHARE = 1 / 12


def languages_of(text: str) -> tuple[str, ...]:
    """Which languages of the glossary `text` is written in: of `es`, `hi`; none for English."""
    words = [fold(word) for word in _WORD.findall(text)]
    signs = sum(word in _SPANISH_SIGNS for word in words)
    is_spanish = signs > 1 and signs >= _SPANISH_SIGN_SHARE * len(words)
    is_hindi = any("\u0900" <= word[0] <= "\u097f" for word in words)
    return ("es",) * is_spanish + ("hi",) * is_hindi


def in_english(text: str, languages: tuple[str, ...]) -> str:
    """The English of what the glossary knows of `text`, in its order; `text` itself where it knows nothing."""
    words = [fold(word) for word in _WORD.findall(text)]
    found = [english for language in languages for english in _known(words, _stems(language))]
    return " ".join(found) or text


def words_in_english(text: str, hints: Iterable[str]) -> str:
    """A few words in English, as far as the glossary knows them; the others stay as they are.

    `hints` are languages the writer may use: a few words alone hardly tell whether they are Spanish.
    """
    tags = {tag.partition("-")[0] for tag in hints} | set(languages_of(text))
    words = _WORD.findall(text)
    for language in sorted(tags & _TABLES.keys()):
        words = _replaced(words, _stems(language))
    return " ".join(words) if words != _WORD.findall(text) else text


def fold(word: str) -> str:
    """The word in lower case without accents; the vowel signs and dots of Devanagari stay, in one spelling."""
    if word.isascii():
        return word.lower()
    letters = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in letters if not "\u0300" <= c <= "\u036f")


_TABLES = {"es": _SPANISH, "hi": _HINDI}
#: The shortest stem that stands for all words beginning with it; a sign of Devanagari is a syllable.
_SHORTEST_STEM = {"es": 4, "hi": 3}


@dataclass(frozen=True, slots=True)
class _Stems:
    english: dict[str, str]
    shortest: int


@cache
def _stems(language: str) -> _Stems:
    entries = (entry.partition("=") for entry in _TABLES[language].replace("\n", " ").split(";"))
    english = {" ".join(fold(word) for word in stem.split()): meaning.strip() for stem, _, meaning in entries}
    return _Stems(english, _SHORTEST_STEM[language])


def _known(words: list[str], stems: _Stems) -> list[str]:
    found, position = [], 0
    while position < len(words):
        english, length = _entry_at(words, position, stems)
        if english:
            found.append(english)
        position += length
    return found


def _replaced(words: list[str], stems: _Stems) -> list[str]:
    """The words, with the English in place of those that are known."""
    folded, told, position = [fold(word) for word in words], [], 0
    while position < len(words):
        english, length = _entry_at(folded, position, stems)
        told += english.split() if english else words[position : position + length]
        position += length
    return told


def _entry_at(words: list[str], position: int, stems: _Stems) -> tuple[str, int]:
    """The English of the longest phrase, or the longest stem, that stands there, and how many words it takes."""
    for length in range(_LONGEST_PHRASE_WORDS, 1, -1):
        if english := stems.english.get(" ".join(words[position : position + length])):
            return english, length
    word = words[position]
    for end in range(len(word), stems.shortest - 1, -1):
        if english := stems.english.get(word[:end]):
            return english, 1
    return stems.english.get(word, ""), 1
